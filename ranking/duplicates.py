"""Which tracks are the same song. Pure.

Same recording (equal ISRC) and same title by the same artist are folded, with a reason that a person understands. In
`keep` mode versions stay apart (live, acoustic, remix ...), and only copies of one recording are folded.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from songranker import titles

# One artist may have several different songs of these names: only equal lengths say that they are the same.
_GENERIC = frozenset({"intro", "outro", "interlude", "untitled", "skit", "prelude", "intermission", "reprise"})
SAME_LENGTH_MS = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known about one track. `artist` is the key of its main artist; 0 and "" mean unknown."""

    id: int
    title: str
    artist: str
    album: str = ""
    duration_ms: int = 0
    isrc: str = ""
    release_date: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Tracks that are one song: `keep` stands for `merged`."""

    keep: int
    merged: tuple[int, ...]
    reason: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Parsed:
    entry: Entry
    title: titles.Title


def group(entries: Sequence[Entry], *, versions: str) -> list[Group]:
    """The groups of two and more; the result does not depend on the order of the entries. Near linear in their number."""
    parsed = [_Parsed(entry, titles.parse(entry.title)) for entry in entries]
    parent = list(range(len(parsed)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for positions in (*_blocks(parsed, _isrc_key), *_blocks(parsed, lambda p: _title_key(p, versions))):
        for i in positions[1:]:
            parent[find(i)] = find(positions[0])
    clusters: dict[int, list[_Parsed]] = defaultdict(list)
    for i, one in enumerate(parsed):
        clusters[find(i)].append(one)
    groups = [_group(cluster) for cluster in clusters.values() if len(cluster) > 1]
    return sorted(groups, key=lambda g: g.keep)


def _blocks(parsed: Sequence[_Parsed], key: Callable[[_Parsed], Hashable | None]) -> Iterable[list[int]]:
    """Positions that share a key; None shares nothing."""
    blocks: dict[Hashable, list[int]] = defaultdict(list)
    for i, one in enumerate(parsed):
        value = key(one)
        if value is not None:
            blocks[value].append(i)
    return (positions for positions in blocks.values() if len(positions) > 1)


def _isrc_key(one: _Parsed) -> Hashable | None:
    return one.entry.isrc or None


def _title_key(one: _Parsed, versions: str) -> Hashable | None:
    version = one.title.version_key if versions == "keep" else ""
    length = 0
    if one.title.key in _GENERIC:
        if not one.entry.duration_ms:
            return None
        length = round(one.entry.duration_ms / SAME_LENGTH_MS)
    return one.entry.artist, one.title.key, version, length


def _group(cluster: list[_Parsed]) -> Group:
    ordered = sorted(cluster, key=_preference)
    kept, rest = ordered[0], ordered[1:]
    isrcs = {one.entry.isrc for one in cluster}
    kinds = sorted({mark.kind for one in rest for mark in one.title.marks} - titles.SAME_RECORDING)
    if len(isrcs) == 1 and "" not in isrcs:
        reason, confidence = "the same recording (equal ISRC)", 1.0
    elif kinds:
        reason, confidence = f"the same song in another version ({', '.join(kinds)})", 0.95
    else:
        reason, confidence = "the same title by the same artist", 0.98
    return Group(kept.entry.id, tuple(sorted(one.entry.id for one in rest)), reason, confidence)


def _preference(one: _Parsed) -> tuple[bool, int, str, str, int]:
    """Studio first, then the plainest title, the earliest release; the id makes it stable."""
    album_marks = len(titles.parse(one.entry.album).marks)
    return (
        bool(one.title.kinds - titles.SAME_RECORDING),
        len(one.title.marks) + album_marks,
        one.entry.release_date or "9999",
        one.entry.title,
        one.entry.id,
    )
