"""How sure it is that a song which somebody typed is a certain track. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ranking import lookalikes
from ranking.preference import Entry, preference
from songranker import titles

# From here on nothing but the very song, by the very artist, in the very version, is left.
SURE = 0.95
# Below this it is not worth a person's look.
WORTH_A_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track, and how sure it is (0 to 1)."""

    id: int
    confidence: float


def rank(song: Entry, tracks: Sequence[Entry], *, explicit: bool) -> list[Candidate]:
    """The tracks that the song may be, the likeliest first; of copies that are as sure the one that would be kept."""
    scored = [(confidence(song, track), track) for track in tracks]
    worthy = [(sure, track) for sure, track in scored if sure >= WORTH_A_LOOK]
    worthy.sort(key=lambda one: (-one[0], preference(one[1], explicit=explicit)))
    return [Candidate(track.id, sure) for sure, track in worthy]


def confidence(song: Entry, track: Entry) -> float:
    """1 for an equal ISRC; SURE and more only where title, parts, version and first artist are the same."""
    if song.isrc and song.isrc == track.isrc:
        return 1.0
    by = _artists(song, track)
    named = _titles(song, track)
    album = 0.02 if song.album and titles.parse(song.album).key == titles.parse(track.album).key else 0.0
    return round(min(0.99, by * named + album), 4)


def _artists(song: Entry, track: Entry) -> float:
    wanted, found = titles.artist_keys(song.credits), titles.artist_keys(track.credits)
    if titles.name_key(song.credits) == titles.name_key(track.credits) or (wanted and wanted[:1] == found[:1]):
        return 1.0
    if set(wanted) & set(found):
        return 0.9  # one of them is only a guest
    return 0.3


def _titles(song: Entry, track: Entry) -> float:
    wanted, found = titles.parse(song.title), titles.parse(track.title)
    same_version = wanted.version_key == found.version_key
    if wanted.key == found.key and not (wanted.accents and found.accents and wanted.accents != found.accents):
        return 0.97 if same_version else 0.7
    if wanted.short_key == found.short_key:
        return 0.85 if same_version else 0.6
    names = [lookalikes.Name(title, 0, {}) for title in (wanted, found)]
    return 0.75 if lookalikes.links(names) and wanted.parts == found.parts else 0.0
