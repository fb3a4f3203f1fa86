"""A session's own copies of songs: a forgotten album changes no ranking."""

from dataclasses import dataclass

from ranking.models import Session, Song
from songranker import titles
from spotify.models import Track


@dataclass(frozen=True, slots=True)
class PastedSong:
    """A song that a person typed or pasted."""

    name: str
    artist: str
    album: str = ""
    isrc: str = ""


def of_paste(session: Session, song: PastedSong, position: int) -> Song:
    """A pasted song, not saved."""
    return Song(
        session=session,
        position=position,
        name=song.name,
        artist_name=song.artist,
        artist_key=artist_slug(song.artist),
        album=song.album,
        isrc=song.isrc,
        **_keys(song.name, song.album),
    )


def of_track(session: Session, track: Track, position: int) -> Song:
    """A track of the catalogue with its album, credits and artists, not saved."""
    credits_ = list(track.credits.all())
    of_album = {credit.artist_id for credit in track.album.credits.all()}
    # The board is the album artist's where the track is theirs, too: a guest's name may stand first on a track.
    main = next((credit for credit in credits_ if credit.artist_id in of_album), credits_[0] if credits_ else None)
    return Song(
        session=session,
        position=position,
        name=track.name or "(untitled)",
        artist_name=track.artist_names[:1000],
        artist_key=main.artist_id if main else "~",
        album=track.album.name,
        album_type=track.album.album_type,
        release_date=track.album.release_date,
        image_url=track.album.image_url,
        spotify_url=track.spotify_url,
        spotify_id=track.pk,
        isrc=track.isrc,
        duration_ms=track.duration_ms,
        explicit=track.explicit,
        playable=track.playable,
        **_keys(track.name, track.album.name),
    )


def _keys(name: str, album: str) -> dict[str, str]:
    """What makes it the same song in other sessions. "Intro" says nothing without its album."""
    title = titles.parse(name)
    key = f"{title.key} @ {titles.parse(album).key}" if title.is_generic and album else title.key
    return {"title_key": key[:1000], "version_key": title.version_key[:1000]}


def artist_slug(name: str) -> str:
    """The board of an artist who is known only by name."""
    return "~" + titles.fold(name).replace(" ", "-")[:240]
