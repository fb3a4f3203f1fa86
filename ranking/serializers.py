"""What comes in to sessions, and what goes out."""

from typing import Any

from rest_framework import serializers

from ranking import pasted
from ranking.models import Comparison, Match, Session, Source
from ranking.sessions import MAX_SONGS
from spotify.payloads import normal_isrc
from spotify.serializers import SpotifyIdField

MAX_ALBUMS = 100
MAX_TEXT = 200_000
SHOWN_BAD_LINES = 20
MAX_DECISION_MS = 24 * 3600 * 1000


class StrictBooleanField(serializers.BooleanField):
    """JSON's true and false, and nothing that only looks like them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return bool(data)


class StrictCharField(serializers.CharField):
    """A JSON string; numbers are not quietly turned into text, control characters are refused."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


def _first(errors: dict[str, Any]) -> str:
    """The first thing that is wrong with a song, with its field."""
    field, details = next(iter(errors.items()))
    return f"{field}: {details[0]}"


class PastedSongIn(serializers.Serializer[Any]):
    name = StrictCharField(max_length=500)
    artist = StrictCharField(max_length=500)
    album = StrictCharField(max_length=500, required=False, allow_blank=True, default="")
    isrc = StrictCharField(max_length=20, required=False, allow_blank=True, default="")

    def validate_isrc(self, value: str) -> str:
        code = normal_isrc(value)
        if value and not code:
            raise serializers.ValidationError("must be an ISRC of twelve letters and digits", code="invalid_isrc")
        return code


class SongsIn(serializers.Serializer[Any]):
    """Where songs come from; used to make a session and to add to one."""

    songs = PastedSongIn(many=True, required=False, default=list)
    songs_text = StrictCharField(
        max_length=MAX_TEXT, required=False, default="", help_text="lines of 'Artist - Title', or CSV with a header"
    )
    track_ids = serializers.ListField(child=SpotifyIdField(), required=False, default=list, max_length=MAX_SONGS)

    def validate_songs_text(self, value: str) -> str:
        _, bad = pasted.parse(value)
        if bad:
            raise serializers.ValidationError(
                [f"line {row.line}: {row.reason}" for row in bad[:SHOWN_BAD_LINES]], code="bad_line"
            )
        return value

    def to_internal_value(self, data: Any) -> Any:
        """Lines of a text become songs like those of `songs`, and have to follow the same rules."""
        values = super().to_internal_value(data)
        lines, _ = pasted.parse(values.pop("songs_text"))
        songs = [
            PastedSongIn(data={"name": o.name, "artist": o.artist, "album": o.album, "isrc": o.isrc}) for o in lines
        ]
        wrong = [
            f"line {o.line}: {_first(song.errors)}" for o, song in zip(lines, songs, strict=True) if not song.is_valid()
        ]
        if wrong:
            raise serializers.ValidationError({"songs_text": wrong[:SHOWN_BAD_LINES]}, code="bad_line")
        values["songs"] = [*values["songs"], *(song.validated_data for song in songs)]
        return values

    def validate_songs(self, value: list[Any]) -> list[Any]:
        if len(value) > MAX_SONGS:
            raise serializers.ValidationError(f"at most {MAX_SONGS} songs", code="max_length")
        return value


class SessionIn(SongsIn):
    album_ids = serializers.ListField(child=SpotifyIdField(), required=False, default=list, max_length=MAX_ALBUMS)
    artist_id = SpotifyIdField(required=False)
    playlist_id = SpotifyIdField(required=False)
    name = StrictCharField(max_length=200, required=False, allow_blank=True, default="")
    mode = serializers.ChoiceField(Session.Mode.choices, default=Session.Mode.STANDARD)
    versions = serializers.ChoiceField(Session.Versions.choices, default=Session.Versions.FOLD)
    visibility = serializers.ChoiceField(Session.Visibility.choices, default=Session.Visibility.UNLISTED)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "artist_id" in attrs and "playlist_id" in attrs:
            raise serializers.ValidationError(
                {"playlist_id": "a session is fed by one artist or by one playlist"}, code="one_of"
            )
        given = len(attrs["songs"]) + len(attrs["track_ids"])
        whole = attrs.keys() & {"artist_id", "playlist_id"}
        if not attrs["album_ids"] and not whole and given < 2:
            raise serializers.ValidationError(
                {"songs": "give artist_id, playlist_id or album_ids, or two songs at least"}, code="too_few"
            )
        if given > MAX_SONGS:
            raise serializers.ValidationError({"songs": f"at most {MAX_SONGS} songs in all"}, code="max_length")
        return attrs


class SessionPatch(serializers.Serializer[Any]):
    name = StrictCharField(max_length=200, required=False, allow_blank=True)
    mode = serializers.ChoiceField(Session.Mode.choices, required=False)
    versions = serializers.ChoiceField(Session.Versions.choices, required=False)
    visibility = serializers.ChoiceField(Session.Visibility.choices, required=False)


class SongPatch(serializers.Serializer[Any]):
    excluded = StrictBooleanField()


class ComparisonIn(serializers.Serializer[Any]):
    song_a = StrictCharField(max_length=20)
    song_b = StrictCharField(max_length=20)
    outcome = serializers.ChoiceField(Comparison.Outcome.choices)
    pair = StrictCharField(max_length=30, required=False, allow_null=True, default=None)
    decision_ms = serializers.IntegerField(
        min_value=0, max_value=MAX_DECISION_MS, required=False, allow_null=True, default=None
    )


class OutcomeIn(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(Comparison.Outcome.choices)


class MergeIn(serializers.Serializer[Any]):
    keep = StrictCharField(max_length=20)
    merge = serializers.ListField(child=StrictCharField(max_length=20), min_length=1, max_length=MAX_SONGS)


class MatchIn(serializers.Serializer[Any]):
    track_id = SpotifyIdField(allow_null=True, help_text="one of the candidates; null: none of them")


class PairQuery(serializers.Serializer[Any]):
    top = serializers.IntegerField(
        min_value=2, max_value=MAX_SONGS, required=False, default=None, help_text="only the best so many"
    )
    more = serializers.BooleanField(default=False, help_text="1 goes on after the ranking is complete")


class ExportQuery(serializers.Serializer[Any]):
    format = serializers.ChoiceField(["csv", "json", "md"], default="json")


class SongOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    artist = serializers.CharField()
    album = serializers.CharField()
    image_url = serializers.CharField()
    spotify_url = serializers.CharField()
    isrc = serializers.CharField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    excluded = serializers.BooleanField()
    merged_into = serializers.CharField(allow_null=True)


class ProgressOut(serializers.Serializer[Any]):
    answered = serializers.IntegerField()
    remaining_low = serializers.IntegerField()
    remaining_high = serializers.IntegerField()
    confidence = serializers.FloatField(help_text="expected share of pairs in the right order")
    top_ten_settled = serializers.BooleanField()
    complete = serializers.BooleanField()


class DuplicateOut(serializers.Serializer[Any]):
    songs = SongOut(many=True)
    reason = serializers.CharField()
    confidence = serializers.FloatField()
    merged = serializers.BooleanField()
    merge = serializers.CharField(
        allow_null=True, help_text="DELETE merges/{merge} takes it apart; null: only proposed"
    )


class SourceOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    state = serializers.ChoiceField(Source.State.choices)


class SessionOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(Session.State.choices)
    # Named `import` in the answer, which is no name in Python.
    name = serializers.CharField()
    mode = serializers.ChoiceField(Session.Mode.choices)
    versions = serializers.ChoiceField(Session.Versions.choices)
    visibility = serializers.ChoiceField(Session.Visibility.choices)
    songs = SongOut(many=True)
    duplicates = DuplicateOut(many=True)
    left_out = serializers.IntegerField(help_text="tracks that the session had no room for: it takes 5,000")
    sources = SourceOut(many=True, help_text="the albums and tracks that songs come from")
    progress = ProgressOut()


SessionOut._declared_fields["import"] = serializers.CharField(allow_null=True, help_text="the import that feeds it")


class NewSessionOut(SessionOut):
    token = serializers.CharField(help_text="shown this once: the right to write, and to read what is private")


class PairOut(serializers.Serializer[Any]):
    pair = serializers.CharField(help_text="a token that can be answered once")
    a = SongOut(help_text="shown on the left")
    b = SongOut()
    reason = serializers.CharField()
    progress = ProgressOut()


class ComparisonOut(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="the number within the session")
    song_a = serializers.CharField()
    song_b = serializers.CharField()
    outcome = serializers.ChoiceField(Comparison.Outcome.choices)
    created_at = serializers.DateTimeField()


class EloOut(serializers.Serializer[Any]):
    a = serializers.FloatField(allow_null=True)
    b = serializers.FloatField(allow_null=True)


class VoteOut(serializers.Serializer[Any]):
    comparison = ComparisonOut()
    elo = EloOut()
    next = PairOut(allow_null=True)
    progress = ProgressOut()


class ChangedOut(serializers.Serializer[Any]):
    comparison = ComparisonOut()


class LogOut(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ComparisonOut(many=True)


class DuplicatesOut(serializers.Serializer[Any]):
    results = DuplicateOut(many=True)


class MergeOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    keep = serializers.CharField()
    merge = serializers.ListField(child=serializers.CharField())
    reason = serializers.CharField()


class CandidateOut(serializers.Serializer[Any]):
    track_id = serializers.CharField()
    name = serializers.CharField()
    artist = serializers.CharField()
    album = serializers.CharField()
    spotify_url = serializers.CharField()
    confidence = serializers.FloatField()


class MatchOut(serializers.Serializer[Any]):
    song = SongOut()
    state = serializers.ChoiceField(Match.State.choices)
    track_id = serializers.CharField(allow_null=True, help_text="what it was taken for; null while that is not sure")
    confidence = serializers.FloatField()
    candidates = CandidateOut(many=True)


class MatchesOut(serializers.Serializer[Any]):
    results = MatchOut(many=True)
    waiting = serializers.IntegerField(help_text="songs that are not searched yet")


class PlaceOut(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    song = SongOut()
    strength = serializers.FloatField(help_text="natural-log units, mean 0")
    elo = serializers.FloatField()
    std_error = serializers.FloatField(help_text="log units")
    rank_low = serializers.IntegerField()
    rank_high = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    ties = serializers.IntegerField()


class RankingOut(serializers.Serializer[Any]):
    results = PlaceOut(many=True)
    progress = ProgressOut()
    computed_at = serializers.DateTimeField()
