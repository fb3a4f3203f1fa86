"""Stores Spotify's payloads as rows. Idempotent: storing the same answer twice changes nothing but `fetched_at`."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from spotify.models import (
    Album,
    AlbumCredit,
    Artist,
    Listing,
    Lookup,
    Playlist,
    PlaylistRow,
    SearchHit,
    Track,
    TrackCredit,
    TrackHit,
)
from spotify.payloads import AlbumPayload, ArtistPayload, Page, PlaylistPayload, TrackPayload
from spotify.querysets import upsert


def store_search(lookup: Lookup, found: Sequence[ArtistPayload], now: datetime) -> None:
    """The artists that a search found, in order."""
    with transaction.atomic():
        store_artists(found, now)
        lookup.hits.all().delete()
        unique = list(dict.fromkeys(artist.id for artist in found))
        SearchHit.objects.bulk_create(
            SearchHit(lookup=lookup, artist_id=artist_id, position=position)
            for position, artist_id in enumerate(unique)
        )


def store_track_search(lookup: Lookup, found: Sequence[TrackPayload], now: datetime) -> None:
    """The tracks that a search found, in order; without an album nothing can be linked to."""
    usable = {track.id: track for track in found if track.album is not None}
    with transaction.atomic():
        _store_full_tracks(list(usable.values()), now)
        lookup.track_hits.all().delete()
        TrackHit.objects.bulk_create(
            TrackHit(lookup=lookup, track_id=track_id, position=position) for position, track_id in enumerate(usable)
        )


def store_artists(artists: Iterable[ArtistPayload], now: datetime) -> None:
    """Full objects bring a picture; simplified ones leave the known picture alone."""
    full: dict[str, Artist] = {}
    simple: dict[str, Artist] = {}
    for artist in artists:
        row = Artist(
            id=artist.id,
            name=artist.name,
            spotify_url=artist.spotify_url,
            image_url=artist.image_url or "",
            fetched_at=now,
        )
        (simple if artist.image_url is None else full)[artist.id] = row
    upsert(Artist, list(full.values()), ["name", "spotify_url", "image_url", "fetched_at"], ["id"])
    only_simple = [row for artist_id, row in simple.items() if artist_id not in full]
    upsert(Artist, only_simple, ["name", "spotify_url", "fetched_at"], ["id"])


def store_artist_albums(artist_id: str, albums: Sequence[AlbumPayload], now: datetime, *, complete: bool) -> None:
    """An artist's whole list. Albums leave it only where it is `complete` by its own count, and stay as rows even then:
    sessions may hold their songs."""
    with transaction.atomic():
        _store_albums(albums, now)
        if complete:
            Listing.objects.filter(artist_id=artist_id).exclude(album_id__in=[album.id for album in albums]).delete()
        _save_listing(artist_id, albums)


def store_listing_page(artist_id: str, offset: int, albums: Sequence[AlbumPayload], now: datetime) -> bool:
    """Some of an artist's list that is still being read. False where the artist is not known yet, so that nothing shows."""
    with transaction.atomic():
        _store_albums(albums, now)
        if not Artist.objects.filter(pk=artist_id).exists():
            return False
        _save_listing(artist_id, albums, offset)
    return True


def _save_listing(artist_id: str, albums: Sequence[AlbumPayload], offset: int = 0) -> None:
    places = {album.id: offset + i for i, album in enumerate(albums)}  # a page may hold one twice
    rows = [Listing(artist_id=artist_id, album_id=album_id, position=place) for album_id, place in places.items()]
    upsert(Listing, rows, ["position"], ["artist", "album"])


def _store_albums(albums: Iterable[AlbumPayload], now: datetime) -> None:
    by_id = {album.id: album for album in albums}
    store_artists((artist for album in by_id.values() for artist in album.artists), now)
    rows = [
        Album(
            id=album.id,
            name=album.name,
            album_type=album.album_type[:30],
            release_date=album.release_date,
            total_tracks=album.total_tracks,
            image_url=album.image_url,
            spotify_url=album.spotify_url,
            fetched_at=now,
        )
        for album in by_id.values()
    ]
    fields = ["name", "album_type", "release_date", "total_tracks", "image_url", "spotify_url", "fetched_at"]
    upsert(Album, rows, fields, ["id"])
    AlbumCredit.objects.filter(album_id__in=by_id).delete()
    AlbumCredit.objects.bulk_create(
        AlbumCredit(album_id=album.id, artist_id=artist_id, position=position)
        for album in by_id.values()
        for position, artist_id in enumerate(dict.fromkeys(artist.id for artist in album.artists))
    )


def store_album(album: AlbumPayload, tracks: Sequence[TrackPayload], now: datetime) -> None:
    """An album with all its tracks. Tracks that left it go only where the answer is complete by its own count."""
    with transaction.atomic():
        _store_albums([album], now)
        _store_tracks({track.id: (track, album.id) for track in tracks}, now)
        if tracks and len(tracks) >= album.total_tracks:
            Track.objects.filter(album_id=album.id).exclude(pk__in=[track.id for track in tracks]).delete()


def store_track(track: TrackPayload, now: datetime) -> None:
    """A full track with its simplified album."""
    with transaction.atomic():
        _store_full_tracks([track], now)


def store_playlist_page(playlist: PlaylistPayload, offset: int, page: Page, now: datetime, *, growing: bool) -> None:
    """The tracks of some of a playlist's rows; and where nothing of it was known before (`growing`) the rows themselves,
    so that it can be used while the rest is being read."""
    usable = _usable(page.items)
    with transaction.atomic():
        _store_full_tracks(usable.values(), now)
        if growing:
            _save_playlist(playlist, now, snapshot_id="", total=page.total or 0)
            rows = [PlaylistRow(playlist_id=playlist.id, track_id=t.id, position=offset + i) for i, t in usable.items()]
            upsert(PlaylistRow, rows, ["track"], ["playlist", "position"])


def store_playlist(playlist: PlaylistPayload, rows: Sequence[TrackPayload | None], now: datetime) -> None:
    """A playlist with all its rows in order; what is None counts as left out."""
    usable = _usable(rows)
    with transaction.atomic():
        # The pages have been stored as they came; but tracks that leave their album go, and may have gone meanwhile.
        here = Track.objects.known([track.id for track in usable.values()])
        _store_full_tracks([track for track in usable.values() if track.id not in here], now)
        counts = {"total": len(rows), "left_out": len(rows) - len(usable)}
        _save_playlist(playlist, now, snapshot_id=playlist.snapshot_id[:200], **counts)
        PlaylistRow.objects.filter(playlist_id=playlist.id).delete()
        PlaylistRow.objects.bulk_create(
            PlaylistRow(playlist_id=playlist.id, track_id=track.id, position=place) for place, track in usable.items()
        )


def _usable(rows: Sequence[TrackPayload | None]) -> dict[int, TrackPayload]:
    """The tracks by their place; those without an album cannot be linked to."""
    return {place: track for place, track in enumerate(rows) if track is not None and track.album is not None}


def _save_playlist(playlist: PlaylistPayload, now: datetime, **more: Any) -> None:
    about = {
        "name": playlist.name,
        "spotify_url": playlist.spotify_url,
        "owner": playlist.owner[:200],
        "image_url": playlist.image_url,
        "fetched_at": now,
        **more,
    }
    upsert(Playlist, [Playlist(id=playlist.id, **about)], [*about], ["id"])


def _store_full_tracks(tracks: Collection[TrackPayload], now: datetime) -> None:
    with_album = {track.id: (track, track.album.id) for track in tracks if track.album is not None}
    _store_albums((track.album for track in tracks if track.album is not None), now)
    _store_tracks(with_album, now)


def _store_tracks(tracks: dict[str, tuple[TrackPayload, str]], now: datetime) -> None:
    """Tracks by id, each with its album's id, which must be stored."""
    store_artists((artist for track, _ in tracks.values() for artist in track.artists), now)
    rows = [
        Track(
            id=track.id,
            album_id=album_id,
            name=track.name,
            disc_number=track.disc_number,
            track_number=track.track_number,
            duration_ms=max(0, track.duration_ms),
            explicit=track.explicit,
            playable=track.playable,
            isrc=track.isrc or "",
            spotify_url=track.spotify_url,
            fetched_at=now,
        )
        for track, album_id in tracks.values()
    ]
    fields = [
        "name",
        "album",
        "disc_number",
        "track_number",
        "duration_ms",
        "explicit",
        "playable",
        "spotify_url",
        "fetched_at",
    ]
    # Only full tracks say their ISRC: a simplified one must not wipe it out.
    says_isrc = [row for row in rows if tracks[row.pk][0].isrc is not None]
    upsert(Track, says_isrc, [*fields, "isrc"], ["id"])
    upsert(Track, [row for row in rows if tracks[row.pk][0].isrc is None], fields, ["id"])
    TrackCredit.objects.filter(track_id__in=tracks).delete()
    TrackCredit.objects.bulk_create(
        TrackCredit(track_id=track.id, artist_id=artist_id, position=position)
        for track, _ in tracks.values()
        for position, artist_id in enumerate(dict.fromkeys(artist.id for artist in track.artists))
    )
