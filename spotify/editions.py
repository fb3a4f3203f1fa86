"""Editions of one album folded into one line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from songranker import titles


@dataclass(frozen=True, slots=True)
class Edition:
    """What tells editions of one album apart."""

    id: str
    name: str
    album_type: str
    release_date: str
    total_tracks: int


def kind_of_release(album_type: str, name: str, total_tracks: int) -> str:
    """album, ep, single or compilation. Spotify calls EPs singles; four to six tracks, or the name, tell them apart."""
    if album_type == "single" and (total_tracks >= 4 or titles.fold(name).split()[-1:] == ["ep"]):
        return "ep"
    return album_type


def fold(editions: Sequence[Edition]) -> list[tuple[str, list[str]]]:
    """(the id that stands for the album, the ids of all its editions), in the order in which albums first appear.

    The same album: the same title without what only names an edition (deluxe, remaster, market), the same kind of
    release. Live, karaoke, commentary and re-recorded albums are albums of their own.
    """
    groups: dict[tuple[str, str, str], list[Edition]] = {}
    for edition in editions:
        parsed = titles.parse(edition.name)
        kind = kind_of_release(edition.album_type, edition.name, edition.total_tracks)
        groups.setdefault((parsed.key, parsed.version_key, kind), []).append(edition)
    return [(min(group, key=_plainness).id, [edition.id for edition in group]) for group in groups.values()]


def _plainness(edition: Edition) -> tuple[int, str, int, str]:
    """The plainest title first, then the earliest full date, then the fewest tracks; the id makes it stable."""
    return len(titles.parse(edition.name).marks), edition.release_date or "9999", edition.total_tracks, edition.id
