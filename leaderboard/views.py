"""The endpoints of the leaderboards."""

from urllib.parse import urlencode

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboard import serializers
from leaderboard.models import Board
from ranking.models import BoardMark
from songranker import problems
from songranker.http import conditional, parse
from songranker.schema import problem_answers


class Boards(APIView):
    """All boards, most votes first."""

    @extend_schema(
        operation_id="leaderboards_list",
        parameters=[serializers.BoardsQuery],
        responses={200: serializers.BoardsAnswer, **problem_answers(400)},
    )
    def get(self, request: Request) -> Response:
        query = parse(serializers.BoardsQuery, request.query_params)
        offset, limit = query["offset"], query["limit"]
        boards = Board.objects.filter(artist__icontains=query["q"]) if query["q"] else Board.objects.all()
        found = list(boards[offset : offset + limit + 1])

        def page(at: int) -> str:
            return f"{reverse('leaderboards')}?{urlencode({**query, 'offset': at})}"

        return conditional(
            request,
            {
                "next": page(offset + limit) if len(found) > limit else None,
                "previous": page(max(0, offset - limit)) if offset else None,
                "results": [serializers.board_line(board) for board in found[:limit]],
            },
        )


class OneBoard(APIView):
    """One artist's board, best guess first."""

    @extend_schema(
        parameters=[serializers.BoardQuery], responses={200: serializers.BoardAnswer, **problem_answers(404)}
    )
    def get(self, request: Request, artist_id: str) -> Response:
        query = parse(serializers.BoardQuery, request.query_params)
        board = Board.objects.filter(pk=artist_id).first()
        if board is None:
            raise problems.ProblemError("not_found", "Nobody has voted on this artist's songs yet.")
        standings = board.standings.filter(sessions__gte=query["min_sessions"])[: query["limit"]]
        body = {
            "artist_id": board.artist_id,
            "artist": board.artist,
            "results": [serializers.standing_out(standing) for standing in standings],
            "votes": board.votes,
            "sessions": board.sessions,
            "pending": BoardMark.objects.filter(artist_key=artist_id).count(),
            "updated_at": board.updated_at,
        }
        return conditional(request, body)
