"""The shapes of the leaderboards."""

from typing import Any

from rest_framework import serializers

from leaderboard.models import Board, Standing
from ranking.bradley_terry import ELO_MEAN, ELO_SCALE


class BoardsQuery(serializers.Serializer[Any]):
    q = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="part of the artist's name"
    )
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, default=0)


class BoardQuery(serializers.Serializer[Any]):
    min_sessions = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)


class BoardLine(serializers.Serializer[Any]):
    artist_id = serializers.CharField()
    artist = serializers.CharField()
    songs = serializers.IntegerField()
    votes = serializers.IntegerField()
    sessions = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


class BoardsAnswer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = BoardLine(many=True)


class BoardSong(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    artist = serializers.CharField()
    album = serializers.CharField()
    image_url = serializers.CharField()
    spotify_url = serializers.CharField()


class StandingOut(serializers.Serializer[Any]):
    rank = serializers.IntegerField(help_text="1 + the number of songs whose interval lies wholly above")
    song = BoardSong()
    elo = serializers.FloatField()
    std_error = serializers.FloatField(help_text="log units")
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    votes = serializers.IntegerField()
    sessions = serializers.IntegerField()
    change = serializers.IntegerField(allow_null=True, help_text="places up since yesterday; null: new")


class BoardAnswer(serializers.Serializer[Any]):
    artist_id = serializers.CharField()
    artist = serializers.CharField()
    results = StandingOut(many=True)
    votes = serializers.IntegerField()
    sessions = serializers.IntegerField()
    pending = serializers.IntegerField(help_text="changes that the next rebuild takes in")
    updated_at = serializers.DateTimeField()


def board_line(board: Board) -> dict[str, Any]:
    return {
        "artist_id": board.artist_id,
        "artist": board.artist,
        "songs": board.songs,
        "votes": board.votes,
        "sessions": board.sessions,
        "updated_at": board.updated_at,
    }


def standing_out(standing: Standing) -> dict[str, Any]:
    return {
        "rank": standing.rank,
        "song": {
            "id": standing.song_key,
            "name": standing.name,
            "artist": standing.artist,
            "album": standing.album,
            "image_url": standing.image_url,
            "spotify_url": standing.spotify_url,
        },
        "elo": round(ELO_MEAN + ELO_SCALE * standing.strength, 1),
        "std_error": round(standing.std_error, 4),
        "rank_low": standing.rank_low,
        "rank_high": standing.rank_high,
        "votes": standing.votes,
        "sessions": standing.sessions,
        "change": standing.change,
    }
