"""The shapes of the catalogue: what comes in as a query string, what goes out."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from songranker import problems
from spotify import editions, links
from spotify.models import Album, Artist, Import, Playlist, Track
from spotify.plans import Estimate
from spotify.queries import MAX_QUERY_LENGTH


class SpotifyIdField(serializers.CharField):
    """22 characters of base 62."""

    def to_internal_value(self, data: Any) -> str:
        text = str(super().to_internal_value(data))
        if not links.is_id(text):
            raise serializers.ValidationError("must be a Spotify id of 22 letters and digits", code="invalid_id")
        return text


class ArtistsQuery(serializers.Serializer[Any]):
    q = serializers.CharField(max_length=MAX_QUERY_LENGTH, help_text="the artist's name, or its beginning")


class AlbumsQuery(serializers.Serializer[Any]):
    artist = serializers.CharField(max_length=MAX_QUERY_LENGTH, required=False, help_text="the artist's name")
    artist_id = SpotifyIdField(required=False)
    all = serializers.BooleanField(default=False, help_text="1 shows each edition of an album")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("artist" in attrs) == ("artist_id" in attrs):
            raise serializers.ValidationError({"artist": "give either artist or artist_id"}, code="required")
        return attrs


class ResolveQuery(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=1000, help_text="an open.spotify.com address, a spotify: URI, or a bare id")


class ArtistOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    image_url = serializers.CharField()
    spotify_url = serializers.CharField()


class AlbumOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    album_type = serializers.ChoiceField(["album", "ep", "single", "compilation"])
    release_date = serializers.CharField(help_text="YYYY, YYYY-MM or YYYY-MM-DD")
    total_tracks = serializers.IntegerField()
    image_url = serializers.CharField()
    spotify_url = serializers.CharField()
    versions = serializers.IntegerField(help_text="how many editions this line stands for")


class ArtistRef(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class TrackOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    disc_number = serializers.IntegerField()
    track_number = serializers.IntegerField()
    duration_ms = serializers.IntegerField()
    isrc = serializers.CharField(allow_null=True)
    explicit = serializers.BooleanField()
    playable = serializers.BooleanField(allow_null=True)
    spotify_url = serializers.CharField()
    artists = ArtistRef(many=True)


class PlaylistOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    owner = serializers.CharField()
    image_url = serializers.CharField()
    spotify_url = serializers.CharField()


class Sourced(serializers.Serializer[Any]):
    # "source" is also the name of a property of every field, so it is added below.
    fetched_at = serializers.DateTimeField()


Sourced._declared_fields["source"] = serializers.ChoiceField(["spotify", "cache", "stale"])


class ArtistsAnswer(Sourced):
    results = ArtistOut(many=True)


class AlbumsAnswer(Sourced):
    artist = ArtistOut()
    results = AlbumOut(many=True)


class AlbumTracksAnswer(Sourced):
    album = AlbumOut()
    results = TrackOut(many=True)


class TrackAnswer(Sourced):
    album = AlbumOut()
    track = TrackOut()


class PlaylistTracksAnswer(Sourced):
    playlist = PlaylistOut()
    results = TrackOut(many=True)
    left_out = serializers.IntegerField(help_text="episodes, local files and removed tracks")


class ResolveAnswer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(list(links.KINDS))
    id = serializers.CharField()


class JobAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(["queued", "running", "done", "failed"])
    result_url = serializers.CharField(allow_null=True)
    error = serializers.DictField(allow_null=True, help_text="a problem document")


class ImportIn(serializers.Serializer[Any]):
    """What to import: exactly one of these."""

    url = serializers.CharField(required=False, max_length=500, help_text="whatever a person may paste, or a name")
    artist = serializers.CharField(required=False, max_length=MAX_QUERY_LENGTH)
    artist_id = SpotifyIdField(required=False)
    album_id = SpotifyIdField(required=False)
    playlist_id = SpotifyIdField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(
                {"url": "give one of url, artist, artist_id, album_id or playlist_id"}, code="one_of"
            )
        return attrs


class EstimateOut(serializers.Serializer[Any]):
    calls = serializers.IntegerField(help_text="calls to Spotify that are left")
    share_of_day = serializers.FloatField(help_text="of the calls of a rolling day")
    seconds = serializers.FloatField(help_text="at the pace that imports may have")
    fits_today = serializers.BooleanField(help_text="else it goes on by itself when the rolling day allows")


class ImportOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(["queued", "running", "paused", "done", "failed", "cancelled"])
    kind = serializers.ChoiceField(["artist", "album", "playlist"])
    name = serializers.CharField()
    spotify_id = serializers.CharField(allow_null=True)
    albums_total = serializers.IntegerField()
    albums_done = serializers.IntegerField()
    albums_missing = serializers.IntegerField(help_text="of those done: not to be had")
    tracks_total = serializers.IntegerField(
        allow_null=True, help_text="as Spotify says; null while the list is not known"
    )
    tracks_done = serializers.IntegerField()
    estimate = EstimateOut(allow_null=True)
    resumes_at = serializers.DateTimeField(allow_null=True)
    error = serializers.DictField(allow_null=True, help_text="a problem document: why it is paused or has failed")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


# Plain functions make the answers: rows come by the hundred, and the shapes above only describe them.


def artist_out(artist: Artist) -> dict[str, Any]:
    return {"id": artist.pk, "name": artist.name, "image_url": artist.image_url, "spotify_url": artist.spotify_url}


def album_out(album: Album, versions: int = 1) -> dict[str, Any]:
    return {
        "id": album.pk,
        "name": album.name,
        "album_type": editions.kind_of_release(album.album_type, album.name, album.total_tracks),
        "release_date": album.release_date,
        "total_tracks": album.total_tracks,
        "image_url": album.image_url,
        "spotify_url": album.spotify_url,
        "versions": versions,
    }


def albums_out(albums: Sequence[Album], *, every_edition: bool) -> list[dict[str, Any]]:
    """One line for each album, or one for each edition."""
    if every_edition:
        return [album_out(album) for album in albums]
    by_id = {album.pk: album for album in albums}
    known = [editions.Edition(a.pk, a.name, a.album_type, a.release_date, a.total_tracks) for a in albums]
    return [album_out(by_id[kept], len(ids)) for kept, ids in editions.fold(known, Track.objects.song_keys)]


def import_out(made: Import, estimate: Estimate | None) -> dict[str, Any]:
    error = problems.Problem(made.error_code, made.error_detail).document() if made.error_code else None
    return {
        "id": str(made.pk),
        "state": made.state,
        "kind": made.kind,
        "name": made.name,
        "spotify_id": made.spotify_id or None,
        "albums_total": made.albums_total,
        "albums_done": made.albums_done,
        "albums_missing": made.albums_missing,
        "tracks_total": made.tracks_total,
        "tracks_done": made.tracks_done,
        "estimate": estimate and dataclasses.asdict(estimate),
        "resumes_at": made.resumes_at,
        "error": error,
        "created_at": made.created_at,
        "finished_at": made.finished_at,
    }


def track_out(track: Track) -> dict[str, Any]:
    return {
        "id": track.pk,
        "name": track.name,
        "disc_number": track.disc_number,
        "track_number": track.track_number,
        "duration_ms": track.duration_ms,
        "isrc": track.isrc or None,
        "explicit": track.explicit,
        "playable": track.playable,
        "spotify_url": track.spotify_url,
        "artists": [{"id": credit.artist_id, "name": credit.artist.name} for credit in track.credits.all()],
    }


def playlist_out(playlist: Playlist) -> dict[str, Any]:
    return {
        "id": playlist.pk,
        "name": playlist.name,
        "owner": playlist.owner,
        "image_url": playlist.image_url,
        "spotify_url": playlist.spotify_url,
    }
