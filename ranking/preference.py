"""Which copy of a song stands for the others, and under which title. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from songranker import titles

# Studio first; a version that nobody would call the song itself comes last.
_KINDS = (
    "rerecording",
    "edit",
    "acoustic",
    "alternate",
    "remix",
    "live",
    "demo",
    "voice_memo",
    "instrumental",
    "karaoke",
    "commentary",
)
_RANK = {kind: rank for rank, kind in enumerate(_KINDS, start=1)}
_RELEASES = {"album": 0, "": 0, "ep": 1, "single": 2, "compilation": 3}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known about one track; "" , 0 and None mean unknown.

    id: the caller's own, any number. ref: tells tracks apart however they arrive (Spotify's id); ties are broken by it.
    artist: equal for tracks of one artist (an id, or a key of the name). credits: all artists, as they are written.
    """

    id: int
    title: str
    artist: str
    credits: str = ""
    album: str = ""
    album_type: str = ""
    duration_ms: int = 0
    isrc: str = ""
    release_date: str = ""
    explicit: bool | None = None
    playable: bool | None = None
    ref: str = ""
    # What a person chose to keep goes before everything else: the lower, the sooner.
    order: int = 0


Preference = tuple[int | str, ...]


def preference(entry: Entry, *, explicit: bool) -> Preference:
    """Sorts the copy that is to be kept first: by kind of version, playable, original album, explicit or clean as asked,
    earliest release, plainest title. Does not depend on the order or the ids of the entries where they have a `ref`.
    """
    title = titles.parse(entry.title)
    return (
        entry.order,
        _rank(title),
        entry.playable is False,
        _album_rank(entry.album),
        _RELEASES.get(entry.album_type, 0),
        entry.explicit is not None and entry.explicit != explicit,
        entry.release_date or "9999",
        len(title.marks),
        len(entry.title),
        entry.title,
        entry.album,
        entry.ref,
        entry.id,
    )


def cleanest(names: Iterable[str]) -> str:
    """The title to show: the one with the fewest marks, then guests, not in capitals, the shortest."""
    return min(
        names,
        key=lambda name: (
            len(titles.parse(name).marks),
            len(titles.parse(name).featured),
            name.isupper(),
            len(name),
            name,
        ),
    )


@lru_cache(maxsize=16384)
def _album_rank(album: str) -> int:
    """0 for an album as it first came out, more for live albums and for editions with more on them."""
    title = titles.parse(album)
    return 10 * _rank(title) + len(title.marks)


def _rank(title: titles.Title) -> int:
    """0 for the studio's own; of several kinds the one that is farthest from it."""
    return max((_RANK.get(kind, 0) for kind in title.kinds), default=0)
