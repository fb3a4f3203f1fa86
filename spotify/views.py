"""The catalogue's endpoints: parse, ask the gateway, answer."""

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from songranker import problems, titles
from songranker.http import conditional, known_tags, parse
from songranker.schema import problem_answers
from spotify import gateway, imports, links, queries, serializers
from spotify.models import Album, Artist, Import, Lookup, Playlist, Track
from spotify.queries import Query

ALSO = {
    202: serializers.JobAnswer,
    304: None,
    **problem_answers(400, 403, 404, 502, 503),
}


def checked_id(name: str, value: str) -> str:
    """An id from the path. Raises a 400 where it cannot be one: asking Spotify would cost a call."""
    if not links.is_id(value):
        raise problems.invalid(name, "invalid_id", "must be a Spotify id of 22 letters and digits")
    return value


def respond(request: Request, query: Query, body: Callable[[Lookup], dict[str, Any]]) -> Response:
    """200 with the rows, 304, or 202 with the job; errors become problem documents on the way out."""
    answer = gateway.ask(query, wait_seconds=settings.SPOTIFY_WAIT_SECONDS)
    if isinstance(answer, gateway.Pending):
        location = reverse("job", args=[answer.lookup.pk])
        headers = {"Location": location, "Retry-After": f"{answer.retry_after:.0f}"}
        return Response(job_out(answer.lookup), status=202, headers=headers)
    whole = {**body(answer.lookup), "source": answer.source, "fetched_at": answer.lookup.fetched_at}
    return conditional(request, whole, ignore=("source",))


class Artists(APIView):
    """Artists by name, best first; an empty list where nobody is found."""

    @extend_schema(parameters=[serializers.ArtistsQuery], responses={200: serializers.ArtistsAnswer, **ALSO})
    def get(self, request: Request) -> Response:
        text = parse(serializers.ArtistsQuery, request.query_params)["q"]
        return respond(request, queries.ArtistSearch.of(text), lambda lookup: {"results": self.results(lookup)})

    @staticmethod
    def results(lookup: Lookup) -> list[dict[str, Any]]:
        found = [hit.artist for hit in lookup.hits.select_related("artist")]
        exact = titles.name_key(lookup.value)
        found.sort(key=lambda artist: titles.name_key(artist.name) != exact)  # stable: else Spotify's order
        return [serializers.artist_out(artist) for artist in found]


class Albums(APIView):
    """An artist's albums, all pages, editions of one album folded into one line."""

    @extend_schema(parameters=[serializers.AlbumsQuery], responses={200: serializers.AlbumsAnswer, **ALSO})
    def get(self, request: Request) -> Response:
        params = parse(serializers.AlbumsQuery, request.query_params)
        return respond(request, self.query(params), lambda lookup: self.body(lookup, params["all"]))

    @staticmethod
    def query(params: dict[str, Any]) -> Query:
        by_id = params.get("artist_id")
        return queries.ArtistAlbums(by_id) if by_id else queries.AlbumsByName.of(params["artist"])

    @staticmethod
    def body(lookup: Lookup, every_edition: bool) -> dict[str, Any]:
        artist = lookup.artist or Artist.objects.get(pk=lookup.value)
        albums = list(Album.objects.listed_for(artist.pk))
        return {
            "artist": serializers.artist_out(artist),
            "results": serializers.albums_out(albums, every_edition=every_edition),
        }


class AlbumTracks(APIView):
    """An album's tracks, all pages, in disc and track order."""

    @extend_schema(responses={200: serializers.AlbumTracksAnswer, **ALSO})
    def get(self, request: Request, album_id: str) -> Response:
        query = queries.AlbumTracks(checked_id("album_id", album_id))
        return respond(request, query, lambda lookup: self.body(album_id))

    @staticmethod
    def body(album_id: str) -> dict[str, Any]:
        return {
            "album": serializers.album_out(Album.objects.get(pk=album_id)),
            "results": [serializers.track_out(track) for track in Track.objects.of_album(album_id)],
        }


class OneTrack(APIView):
    """One track with its album."""

    @extend_schema(responses={200: serializers.TrackAnswer, **ALSO})
    def get(self, request: Request, track_id: str) -> Response:
        query = queries.TrackById(checked_id("track_id", track_id))
        return respond(request, query, lambda lookup: self.body(track_id))

    @staticmethod
    def body(track_id: str) -> dict[str, Any]:
        track = Track.objects.with_artists().select_related("album").get(pk=track_id)
        return {"album": serializers.album_out(track.album), "track": serializers.track_out(track)}


class PlaylistTracks(APIView):
    """A playlist's tracks; episodes, local files and removed tracks are left out and counted."""

    @extend_schema(responses={200: serializers.PlaylistTracksAnswer, **ALSO})
    def get(self, request: Request, playlist_id: str) -> Response:
        query = queries.PlaylistTracks(checked_id("playlist_id", playlist_id))
        return respond(request, query, lambda lookup: self.body(playlist_id))

    @staticmethod
    def body(playlist_id: str) -> dict[str, Any]:
        playlist = Playlist.objects.get(pk=playlist_id)
        tracks = Track.objects.of_playlist(playlist_id)
        return {
            "playlist": serializers.playlist_out(playlist),
            "results": [serializers.track_out(track) for track in tracks],
            "left_out": playlist.left_out,
        }


class Resolve(APIView):
    """What a pasted link, URI or id names. No Spotify call."""

    @extend_schema(
        parameters=[serializers.ResolveQuery], responses={200: serializers.ResolveAnswer, **problem_answers(400)}
    )
    def get(self, request: Request) -> Response:
        try:
            link = links.resolve(parse(serializers.ResolveQuery, request.query_params)["url"])
        except links.NotALink as why:
            raise problems.invalid("url", "not_a_spotify_link", str(why)) from None
        return Response({"kind": link.kind, "id": link.id})


class Job(APIView):
    """How far a question to Spotify is."""

    @extend_schema(
        responses={200: serializers.JobAnswer, **problem_answers(404)},
        parameters=[OpenApiParameter("job_id", str, OpenApiParameter.PATH)],
    )
    def get(self, request: Request, job_id: str) -> Response:
        try:
            lookup = Lookup.objects.filter(pk=uuid.UUID(job_id)).exclude(state=Lookup.State.IDLE).first()
        except ValueError:
            lookup = None
        if lookup is None:
            raise problems.ProblemError("not_found", "There is no such job.")
        return Response(job_out(lookup))


def job_out(lookup: Lookup) -> dict[str, Any]:
    """A job: `result_url` as soon as there is something to fetch, `error` where it failed."""
    error = gateway.job_error(lookup)
    state = Lookup.State.FAILED if error else Lookup.State(lookup.state)
    problem = problems.problem_for(error) if error else None
    return {
        "id": str(lookup.pk),
        "state": state.value,
        "result_url": queries.query_of(lookup).result_url() if state == Lookup.State.DONE else None,
        "error": problem.document() if problem else None,
    }


class Imports(APIView):
    """ "Rank all": a whole artist, album or playlist. What is here already is there at once; the rest goes on by itself."""

    @extend_schema(
        request=serializers.ImportIn, responses={202: serializers.ImportOut, **problem_answers(400, 403, 503)}
    )
    def post(self, request: Request) -> Response:
        made = imports.start(self.target(parse(serializers.ImportIn, request.data)))
        return import_response(request, made, status=202)

    @staticmethod
    def target(data: dict[str, Any]) -> imports.Target:
        if "url" in data:
            try:
                return imports.target_of(data["url"])
            except links.NotALink as why:
                raise problems.invalid("url", "not_a_spotify_link", str(why)) from None
        if "artist" in data:
            return imports.Target("artist", name=data["artist"])
        ((field, value),) = data.items()
        return imports.Target(field.removesuffix("_id"), value)


class OneImport(APIView):
    """How far an import is; cancelling it. Made to be asked often: 304 while nothing has changed."""

    @extend_schema(responses={200: serializers.ImportOut, 304: None, **problem_answers(404)})
    def get(self, request: Request, import_id: str) -> Response:
        return import_response(request, import_of(import_id))

    @extend_schema(responses={200: serializers.ImportOut, **problem_answers(404)})
    def delete(self, request: Request, import_id: str) -> Response:
        return import_response(request, imports.cancel(import_of(import_id)))


class ResumeImport(APIView):
    """Go on with an import that was cancelled, paused or failed."""

    @extend_schema(request=None, responses={202: serializers.ImportOut, **problem_answers(404)})
    def post(self, request: Request, import_id: str) -> Response:
        return import_response(request, imports.resume(import_of(import_id)), status=202)


def import_of(import_id: str) -> Import:
    try:
        made = Import.objects.filter(pk=uuid.UUID(import_id)).first()
    except ValueError:
        made = None
    if made is None:
        raise problems.ProblemError("not_found", "There is no such import.")
    return made


def import_response(request: Request, made: Import, status: int = 200) -> Response:
    """An import with the tag of its revision; 304 before anything else is looked at."""
    tag = f'"{made.pk.hex}-{made.revision}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.method == "GET" and tag in known_tags(request):
        return Response(status=304, headers=headers)
    if status == 202:
        headers["Location"] = reverse("import", args=[made.pk])
    return Response(serializers.import_out(made, imports.estimate(made)), status=status, headers=headers)
