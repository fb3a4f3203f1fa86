"""Editions of one album folded into one line. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from songranker import titles

# On an album these are where or for whom it was pressed; on a song "Japanese Version" is another recording.
_MARKETS = frozenset(
    (
        "special",
        "japanese",
        "japan",
        "european",
        "german",
        "australian",
        "uk",
        "us",
        "target",
        "walmart",
        "festival",
        "tour",
    )
)
# So much of the shorter list two editions have in common; two albums of one title have next to nothing.
_SHARED = 0.5
SongKeys = Mapping[str, Collection[str]]


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


def fold(
    editions: Sequence[Edition], songs_of: Callable[[Collection[str]], SongKeys] = lambda ids: {}
) -> list[tuple[str, list[str]]]:
    """(the id that stands for the album, the ids of all its editions), in the order in which albums first appear.

    The same album: the same title without what only names an edition (deluxe, remaster, market), the same kind of
    release. Live, karaoke, commentary and re-recorded albums are albums of their own. Where titles leave a doubt, as
    with an artist's four albums called by the artist's name, `songs_of` is asked once for the keys of the songs on those
    albums; an album of which none are known is taken for an edition.
    """
    groups: dict[tuple[str, ...], list[Edition]] = defaultdict(list)
    for edition in editions:
        groups[_album_key(edition)].append(edition)
    doubtful = [edition.id for group in groups.values() if _is_doubtful(group) for edition in group]
    songs = songs_of(doubtful) if doubtful else {}
    albums = [album for group in groups.values() for album in _by_songs(group, songs)]
    order = {edition.id: position for position, edition in enumerate(editions)}
    albums.sort(key=lambda album: min(order[edition.id] for edition in album))
    return [(min(album, key=_plainness).id, sorted((e.id for e in album), key=order.__getitem__)) for album in albums]


def _album_key(edition: Edition) -> tuple[str, ...]:
    title = titles.parse(edition.name)
    versions = [
        version for version in title.version_key.split("|") if version.removeprefix("alternate:") not in _MARKETS
    ]
    kind = kind_of_release(edition.album_type, edition.name, edition.total_tracks)
    return (title.key, "|".join(versions), kind)


def _is_doubtful(group: Sequence[Edition]) -> bool:
    """Several albums without a word that would make them editions, from different years."""
    plain = [edition for edition in group if not titles.parse(edition.name).marks]
    return len({edition.release_date[:4] for edition in plain}) > 1


def _by_songs(group: Sequence[Edition], songs: SongKeys) -> list[list[Edition]]:
    """Editions put to the first album that they share most of their songs with."""
    albums: list[list[Edition]] = []
    for edition in sorted(group, key=_plainness):
        mine = set(songs.get(edition.id, ()))
        for album in albums:
            theirs = {key for one in album for key in songs.get(one.id, ())}
            if not mine or not theirs or len(mine & theirs) >= _SHARED * min(len(mine), len(theirs)):
                album.append(edition)
                break
        else:
            albums.append([edition])
    return albums


def _plainness(edition: Edition) -> tuple[int, str, int, str]:
    """The plainest title first, then the earliest full date, then the fewest tracks; the id makes it stable."""
    return len(titles.parse(edition.name).marks), edition.release_date or "9999", edition.total_tracks, edition.id
