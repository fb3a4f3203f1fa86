"""The endpoints of sessions: parse, call one function, answer."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ranking import (
    access,
    answers,
    comparisons,
    exports,
    matching,
    merges,
    pairing,
    scores,
    serializers,
    sessions,
    tasks,
)
from ranking.errors import NotComputedYet
from ranking.models import Session
from ranking.songs import PastedSong
from songranker import problems, waiting
from songranker.http import parse
from songranker.schema import problem_answers
from spotify.imports import Target

KEY_HEADER = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)
MAX_KEY_LENGTH = 200


def wanted_songs(data: dict[str, Any]) -> sessions.Wanted:
    whole_ = [Target(kind, data[f"{kind}_id"]) for kind in ("artist", "playlist") if f"{kind}_id" in data]
    return sessions.Wanted(
        whole=whole_[0] if whole_ else None,
        songs=[PastedSong(**song) for song in data["songs"]],
        album_ids=data.get("album_ids", ()),
        track_ids=data["track_ids"],
    )


def whole(session: Session) -> dict[str, Any]:
    """A session as `GET sessions/{id}` shows it."""
    estimate = scores.estimate(session, scores.tallies(session))
    return answers.session_out(session, session.songs.all().shown(), estimate)


class Sessions(APIView):
    """Start a session."""

    @extend_schema(request=serializers.SessionIn, responses={201: serializers.NewSessionOut, **problem_answers(400)})
    def post(self, request: Request) -> Response:
        data = parse(serializers.SessionIn, request.data)
        session, token = sessions.create(
            wanted_songs(data),
            name=data["name"],
            mode=data["mode"],
            versions=data["versions"],
            visibility=data["visibility"],
        )
        return Response({**whole(session), "token": token}, status=201, headers={"Cache-Control": "no-store"})


class OneSession(APIView):
    """Read, change or end a session."""

    @extend_schema(responses={200: serializers.SessionOut, **problem_answers(404)})
    def get(self, request: Request, session_id: str) -> Response:
        return Response(whole(access.for_reading(request, session_id)))

    @extend_schema(
        request=serializers.SessionPatch, responses={200: serializers.SessionOut, **problem_answers(400, 401)}
    )
    def patch(self, request: Request, session_id: str) -> Response:
        session = access.for_writing(request, session_id)
        return Response(whole(sessions.change(session, parse(serializers.SessionPatch, request.data))))

    @extend_schema(responses={204: None, **problem_answers(401, 404)})
    def delete(self, request: Request, session_id: str) -> Response:
        sessions.delete(access.for_writing(request, session_id))
        return Response(status=204)


class Songs(APIView):
    """Add songs to a session; what was answered stays."""

    @extend_schema(request=serializers.SongsIn, responses={200: serializers.SessionOut, **problem_answers(400, 401)})
    def post(self, request: Request, session_id: str) -> Response:
        session = access.for_writing(request, session_id)
        wanted = wanted_songs(parse(serializers.SongsIn, request.data))
        if not wanted.songs and not wanted.needs_catalogue:
            raise problems.invalid("songs", "required", "give songs or track_ids")
        return Response(whole(sessions.add(session, wanted)))


class OneSong(APIView):
    """ "I don't know it": take a song out of the ranking, or bring it back."""

    @extend_schema(request=serializers.SongPatch, responses={200: serializers.SongOut, **problem_answers(400, 401)})
    def patch(self, request: Request, session_id: str, song_id: str) -> Response:
        session = access.for_writing(request, session_id)
        excluded = parse(serializers.SongPatch, request.data)["excluded"]
        return Response(answers.song_out(sessions.exclude(session, song_id, excluded)))


class NextPair(APIView):
    """The pair to compare; the same one until it is answered."""

    @extend_schema(parameters=[serializers.PairQuery], responses={200: serializers.PairOut, **problem_answers(409)})
    def get(self, request: Request, session_id: str) -> Response:
        session = access.for_reading(request, session_id)
        query = parse(serializers.PairQuery, request.query_params)
        shown = pairing.ask(session, top=query["top"], more=query["more"])
        return Response(answers.pair_out(shown.pair, shown.estimate))


class LogPages(CursorPagination):
    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 500
    ordering = "-n"


class Comparisons(APIView):
    """The log of answers."""

    @extend_schema(responses={200: serializers.LogOut, **problem_answers(404)})
    def get(self, request: Request, session_id: str) -> Response:
        session = access.for_reading(request, session_id)
        pages = LogPages()
        rows = pages.paginate_queryset(session.comparisons.standing(), request, view=self) or []
        return pages.get_paginated_response([answers.comparison_out(row) for row in rows])

    @extend_schema(
        request=serializers.ComparisonIn,
        parameters=[KEY_HEADER],
        responses={201: serializers.VoteOut, 200: serializers.VoteOut, **problem_answers(400, 401, 422)},
    )
    def post(self, request: Request, session_id: str) -> Response:
        session = access.for_writing(request, session_id)
        key = request.headers.get("Idempotency-Key", "").strip()
        if not key or len(key) > MAX_KEY_LENGTH:
            rule = f"send a header of 1 to {MAX_KEY_LENGTH} characters, new for each vote"
            raise problems.invalid("Idempotency-Key", "required" if not key else "max_length", rule)
        answer = comparisons.Answer(**parse(serializers.ComparisonIn, request.data))
        recorded = comparisons.record(session, answer, key=key)
        following = recorded.next_pair
        body = {
            "comparison": answers.comparison_out(recorded.comparison),
            "elo": answers.elo_out(recorded.comparison, recorded.tallies, recorded.estimate),
            "next": following and answers.pair_out(following, recorded.estimate),
            "progress": answers.progress_out(recorded.estimate),
        }
        return Response(body, status=201 if recorded.created else 200)


class OneComparison(APIView):
    """Change or undo an answer."""

    @extend_schema(request=serializers.OutcomeIn, responses={200: serializers.ChangedOut, **problem_answers(401, 404)})
    def patch(self, request: Request, session_id: str, n: int) -> Response:
        session = access.for_writing(request, session_id)
        changed = comparisons.change(session, n, parse(serializers.OutcomeIn, request.data)["outcome"])
        return Response({"comparison": answers.comparison_out(changed)})

    @extend_schema(responses={200: serializers.ChangedOut, **problem_answers(401, 404)})
    def delete(self, request: Request, session_id: str, n: int) -> Response:
        undone = comparisons.undo(access.for_writing(request, session_id), n)
        return Response({"comparison": answers.comparison_out(undone)})


class LastComparison(APIView):
    """Undo the last answer, as often as wanted; its pair is shown again."""

    @extend_schema(responses={200: serializers.ChangedOut, **problem_answers(401, 404)})
    def delete(self, request: Request, session_id: str) -> Response:
        undone = comparisons.undo(access.for_writing(request, session_id))
        return Response({"comparison": answers.comparison_out(undone)})


class Duplicates(APIView):
    """What was folded into one song, and why."""

    @extend_schema(responses={200: serializers.DuplicatesOut, **problem_answers(404)})
    def get(self, request: Request, session_id: str) -> Response:
        session = access.for_reading(request, session_id)
        return Response({"results": answers.duplicates_out(session)})


class Merges(APIView):
    """Say that several songs are one; answers given before follow."""

    @extend_schema(request=serializers.MergeIn, responses={201: serializers.MergeOut, **problem_answers(400, 401)})
    def post(self, request: Request, session_id: str) -> Response:
        session = access.for_writing(request, session_id)
        data = parse(serializers.MergeIn, request.data)
        made = merges.merge(session, data["keep"], data["merge"])
        return Response({"id": str(made.pk), **data, "reason": made.reason}, status=201)


class OneMerge(APIView):
    """Take a merge apart; the answers come back."""

    @extend_schema(responses={204: None, **problem_answers(401, 404)})
    def delete(self, request: Request, session_id: str, merge_id: str) -> Response:
        merges.unmerge(access.for_writing(request, session_id), merge_id)
        return Response(status=204)


class Matches(APIView):
    """Pasted songs on Spotify: what was found, and how sure it is. Only what leaves no doubt is taken over by itself."""

    @extend_schema(responses={200: serializers.MatchesOut, **problem_answers(404)})
    def get(self, request: Request, session_id: str) -> Response:
        return Response(answers.matches_out(access.for_reading(request, session_id)))

    @extend_schema(request=None, responses={202: serializers.MatchesOut, **problem_answers(401, 404)})
    def post(self, request: Request, session_id: str) -> Response:
        session = access.for_writing(request, session_id)
        matching.start(session)
        return Response(answers.matches_out(session), status=202)


class OneMatch(APIView):
    """The person's word on one song."""

    @extend_schema(
        request=serializers.MatchIn, responses={200: serializers.MatchesOut, **problem_answers(400, 401, 404)}
    )
    def patch(self, request: Request, session_id: str, song_id: str) -> Response:
        session = access.for_writing(request, session_id)
        matching.decide(session, song_id, parse(serializers.MatchIn, request.data)["track_id"])
        return Response(answers.matches_out(session))


def ranked(session: Session) -> tuple[list[scores.Place], scores.Estimate]:
    """The ranking; a large one that was never computed is waited for. Raises NotComputedYet."""
    tallied = scores.tallies(session)
    estimated = scores.estimate(session, tallied)
    if isinstance(estimated, scores.SavedEstimate) and not estimated.is_known:
        task_id = tasks.publish(tasks.refit, session.pk)
        if task_id is not None:
            waiting.wait(task_id, settings.SPOTIFY_WAIT_SECONDS)
        estimated = scores.estimate(session, tallied)
        if isinstance(estimated, scores.SavedEstimate) and not estimated.is_known:
            raise NotComputedYet("This ranking is still being computed.", retry_after=5)
    return scores.places(tallied, estimated), estimated


class Ranking(APIView):
    """The ranking, best first."""

    @extend_schema(responses={200: serializers.RankingOut, **problem_answers(404)})
    def get(self, request: Request, session_id: str) -> Response:
        return Response(ranking_body(access.for_reading(request, session_id)))


def ranking_body(session: Session) -> dict[str, Any]:
    places, estimate = ranked(session)
    return {
        "results": [answers.place_out(place) for place in places],
        "progress": answers.progress_out(estimate),
        "computed_at": estimate.computed_at,
    }


class Export(APIView):
    """The ranking as a file: CSV, JSON or Markdown."""

    @extend_schema(
        parameters=[serializers.ExportQuery],
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, "application/json"): serializers.RankingOut},
    )
    def get(self, request: Request, session_id: str) -> HttpResponseBase:
        session = access.for_reading(request, session_id)
        kind = parse(serializers.ExportQuery, request.query_params)["format"]
        attachment = {"Content-Disposition": f'attachment; filename="ranking-{session.pk}.{kind}"'}
        if kind == "json":
            return Response(ranking_body(session), headers=attachment)
        places, _ = ranked(session)
        if kind == "csv":
            return HttpResponse(exports.as_csv(places), content_type="text/csv; charset=utf-8", headers=attachment)
        markdown = exports.as_markdown(session.name, places)
        return HttpResponse(markdown, content_type="text/markdown; charset=utf-8", headers=attachment)
