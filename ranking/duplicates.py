"""Which tracks are the same song, and why. Pure; the result does not depend on the order of the entries.

Three steps, each from stronger evidence to weaker:

- recordings: equal ISRC. One recording has one title, however its copies are called.
- versions: the same title (`songranker.titles`) by the same artist, the same kind of version.
- songs: the versions of one title; titles that differ by a subtitle or by spelling (`ranking.lookalikes`).

Near linear: entries meet only in blocks that share a key. The first two steps are equivalences; of the third, each title
takes part in one link at most, so that A~B and B~C never make A~C. What is unsure is proposed, not done.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass

from ranking import lookalikes
from ranking.preference import Entry, Preference, cleanest, preference
from songranker import titles

SAME_LENGTH_MS = lookalikes.SAME_LENGTH_MS
# Copies of one ISRC under other names and of other lengths are a mistake in somebody's data.
OTHER_LENGTH_MS = 10_000


@dataclass(frozen=True, slots=True)
class Group:
    """Tracks that are one song: `keep` stands for `merged`, which may themselves stand for others in another group."""

    keep: int
    merged: tuple[int, ...]
    reason: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two songs that may be one: for a person to decide."""

    keep: int
    other: int
    reason: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """groups: what is folded. proposals: what might be. shown: the title of each song that stands for others, where a
    copy has a cleaner one than its own.
    """

    groups: list[Group]
    proposals: list[Proposal]
    shown: dict[int, str]

    def roots(self) -> dict[int, int]:
        """Every folded id and the id that stands for it in the end."""
        above = {member: one.keep for one in self.groups for member in one.merged}

        def root(id_: int) -> int:
            while id_ in above:
                id_ = above[id_]
            return id_

        return {id_: root(id_) for id_ in above}


@dataclass(slots=True)
class _Node:
    """An entry with the title of its recording and a number for its artist. via: the link by which its title joined
    another one; None where it is the title's own.
    """

    entry: Entry
    title: titles.Title
    version: str
    artist: int
    preference: Preference
    via: lookalikes.Link | None = None


_Nodes = list[_Node]


def group(
    entries: Sequence[Entry], *, versions: str, explicit: bool = True, apart: Collection[frozenset[int]] = ()
) -> Grouping:
    """Fold duplicates. versions: "fold" (one for each song) or "keep" (one for each song and kind of version).

    explicit: which copy to keep, the explicit or the clean one. apart: pairs of ids that must not come together, because
    a person took them apart.
    """
    nodes, proposals = _recordings(entries, explicit)
    songs, more = _joined(_songs(nodes))
    parted = _Parted(apart)
    groups: list[Group] = []
    shown: dict[int, str] = {}
    for song in songs:
        if len(song) > 1:
            made = _fold(song, versions, parted)
            groups += made
            shown.update(_shown(song, made))
    grouping = Grouping(sorted(groups, key=lambda one: (one.keep, one.merged)), [], shown)
    grouping.proposals.extend(_still_open([*proposals, *more], grouping.roots(), parted))
    return grouping


class _Parted:
    """What a person took apart."""

    def __init__(self, pairs: Collection[frozenset[int]]) -> None:
        self._from: dict[int, set[int]] = defaultdict(set)
        for one, other in map(tuple, pairs):
            self._from[one].add(other)
            self._from[other].add(one)

    def allows(self, some: Iterable[int], others: Collection[int]) -> bool:
        return not self._from or all(self._from[one].isdisjoint(others) for one in some if one in self._from)


# Recordings


def _recordings(entries: Sequence[Entry], explicit: bool) -> tuple[_Nodes, list[Proposal]]:
    """Entries, each with the title and the artist of its recording: copies of one ISRC bear one title, the preferred one's.

    An ISRC is not believed where neither the titles nor the lengths agree: that is only proposed.
    """
    artists = _artists(entries)
    nodes = [
        _Node(
            entry,
            title := titles.parse(entry.title),
            _version(entry, title),
            artists[entry.artist],
            preference(entry, explicit=explicit),
        )
        for entry in entries
    ]
    proposals: list[Proposal] = []
    for block in _blocks(nodes, lambda node: node.entry.isrc or None):
        first = min(block, key=lambda node: node.preference)
        for node in block:
            if _plausible(first, node):
                node.title, node.version, node.artist = first.title, first.version, first.artist
            else:
                reason = "an equal ISRC, but another title and length"
                proposals.append(Proposal(first.entry.id, node.entry.id, reason, 0.5))
    return nodes, proposals


def _version(entry: Entry, title: titles.Title) -> str:
    """The kind of version. Where the title says nothing, a live or karaoke album does."""
    said = title.version_key
    album = titles.parse(entry.album).kinds if entry.album and not said else frozenset()
    return said or next((kind for kind in ("karaoke", "live") if kind in album), "")


def _plausible(one: _Node, other: _Node) -> bool:
    lengths = one.entry.duration_ms, other.entry.duration_ms
    return (
        one.title.short_key == other.title.short_key
        or not all(lengths)
        or abs(lengths[0] - lengths[1]) <= OTHER_LENGTH_MS
    )


def _artists(entries: Sequence[Entry]) -> dict[str, int]:
    """A number for each artist: who is known by an id here and by a name there is one where the name stands alone."""
    number: dict[str, int] = {}
    by_name: dict[str, str] = {}
    for entry in entries:
        names = titles.artist_keys(entry.credits)
        by_name.setdefault(names[0] if len(names) == 1 else entry.artist, entry.artist)
    for entry in sorted(entries, key=lambda entry: entry.artist):
        names = titles.artist_keys(entry.credits)
        same = by_name.get(names[0], entry.artist) if len(names) == 1 else by_name.get(entry.artist, entry.artist)
        number.setdefault(entry.artist, number.setdefault(same, len(number)))
    return number


def _blocks(nodes: Iterable[_Node], key: Callable[[_Node], Hashable | None]) -> list[_Nodes]:
    """Nodes that share a key, blocks of two and more; None shares nothing."""
    return [block for block in _split(nodes, key) if len(block) > 1]


def _split(nodes: Iterable[_Node], key: Callable[[_Node], Hashable | None]) -> list[_Nodes]:
    blocks: dict[Hashable, _Nodes] = defaultdict(list)
    alone: list[_Nodes] = []
    for node in nodes:
        value = key(node)
        if value is None:
            alone.append([node])
        else:
            blocks[value].append(node)
    return [*blocks.values(), *alone]


# Songs: one title by one artist


def _songs(nodes: _Nodes) -> list[_Nodes]:
    songs: list[_Nodes] = []
    for block in _split(nodes, lambda node: node.title.key):
        for by_artist in _by_artist(block):
            for alike in _by_accents(by_artist):
                songs += _by_length_or_album(alike) if alike[0].title.is_generic and len(alike) > 1 else [alike]
    return songs


def _by_artist(block: _Nodes) -> list[_Nodes]:
    """Nodes of one title by artist; "Zedd & Alessia Cara" and "Alessia Cara, Zedd" are the same two, whoever stands first."""
    if len({node.artist for node in block}) == 1:
        return [block]
    several = {
        frozenset(names): node.artist
        for node in sorted(block, key=lambda node: -node.artist)
        if len(names := titles.artist_keys(node.entry.credits)) > 1
    }
    return _split(block, lambda node: several.get(frozenset(titles.artist_keys(node.entry.credits)), node.artist))


def _by_accents(block: _Nodes) -> list[_Nodes]:
    """ "Mưa" and "Mùa" are two words; who writes "Mua" means the only one that there is."""
    accented = {node.title.accents for node in block} - {""}
    if len(accented) < 2:
        return [block]
    return _split(block, lambda node: node.title.accents)


def _by_length_or_album(block: _Nodes) -> list[_Nodes]:
    """Pieces of a name that says nothing ("Intro"): one where they last the same, or stand on editions of one album."""
    found: list[_Nodes] = []
    by_album: dict[str, _Nodes] = {}
    for node in sorted(block, key=lambda node: (not node.entry.duration_ms, node.entry.duration_ms, node.preference)):
        length, album = node.entry.duration_ms, titles.parse(node.entry.album).key
        same = by_album.get(album) if not length else found[-1] if found else None
        if same is None or (length and length - same[0].entry.duration_ms > SAME_LENGTH_MS):
            same = []
            found.append(same)
        same.append(node)
        if album:
            by_album.setdefault(album, same)
    return found


# Links between titles


def _joined(songs: list[_Nodes]) -> tuple[list[_Nodes], list[Proposal]]:
    """Songs whose titles only look different, put together; each takes part in one such link, so that links never chain."""
    names = [_name(song) for song in songs]
    first_of = [min(song, key=lambda node: node.preference) for song in songs]
    weights = [(-len(song), first.preference) for song, first in zip(songs, first_of, strict=True)]
    gone: set[int] = set()
    taken: set[int] = set()
    proposals: list[Proposal] = []
    for link in lookalikes.links(names):
        first, second = sorted(
            (link.first, link.second), key=weights.__getitem__
        )  # the title on more tracks comes first
        if link.sure and not {first, second} & taken:
            taken |= {first, second}
            gone.add(second)
            for node in songs[second]:
                node.via = link
            songs[first] = songs[first] + songs[second]
        else:
            ids = first_of[first].entry.id, first_of[second].entry.id
            proposals.append(Proposal(*ids, link.reason, min(link.confidence, 0.6)))
    return [song for at, song in enumerate(songs) if at not in gone], proposals


def _name(song: _Nodes) -> lookalikes.Name:
    lengths: dict[str, list[int]] = defaultdict(list)
    for node in song:
        if node.entry.duration_ms:
            lengths[node.version].append(node.entry.duration_ms)
    return lookalikes.Name(
        song[0].title, song[0].artist, {version: tuple(sorted(set(some))) for version, some in lengths.items()}
    )


# Folding


def _fold(song: _Nodes, versions: str, parted: _Parted) -> list[Group]:
    """Copies into their version, and with "fold" versions into the song."""
    groups: list[Group] = []
    heads: list[tuple[_Node, set[int]]] = []
    for version in _split(sorted(song, key=lambda node: node.preference), lambda node: node.version):
        for head, *copies in _allowed(version, parted):
            heads.append((head, {head.entry.id, *(copy.entry.id for copy in copies)}))
            groups += _groups_by_reason(head, copies)
    if versions == "fold":
        groups += _versions_into_song(heads, parted)
    return groups


def _allowed(nodes: _Nodes, parted: _Parted) -> list[_Nodes]:
    """The preferred node with those that nobody took apart from it; each of the others alone."""
    first, *rest = nodes
    together, alone = [first], []
    for node in rest:
        if parted.allows([node.entry.id], {other.entry.id for other in together}):
            together.append(node)
        else:
            alone.append([node])
    return [together, *alone]


def _groups_by_reason(head: _Node, copies: _Nodes) -> list[Group]:
    by_reason: dict[tuple[str, float], list[int]] = defaultdict(list)
    for copy in copies:
        by_reason[_reason(head, copy)].append(copy.entry.id)
    return [Group(head.entry.id, tuple(sorted(ids)), *reason) for reason, ids in by_reason.items()]


def _versions_into_song(heads: list[tuple[_Node, set[int]]], parted: _Parted) -> list[Group]:
    """One group for each version, so that a person can take a single one apart."""
    (top, below), *rest = sorted(heads, key=lambda one: one[0].preference)
    groups: list[Group] = []
    for head, ids in rest:
        if parted.allows(ids, below):
            below = below | ids
            groups.append(Group(top.entry.id, (head.entry.id,), *_version_reason(top, head)))
    return groups


def _reason(head: _Node, copy: _Node) -> tuple[str, float]:
    """Why two entries of one version are one, and how sure that is."""
    if head.entry.isrc and head.entry.isrc == copy.entry.isrc:
        return "the same recording (equal ISRC)", 1.0
    link = copy.via or head.via
    if link and copy.via is not head.via:
        return link.reason, link.confidence
    lengths = head.entry.duration_ms, copy.entry.duration_ms
    if all(lengths) and abs(lengths[0] - lengths[1]) <= SAME_LENGTH_MS:
        return "the same recording (equal title and length)", 0.99
    kinds = sorted((head.title.kinds ^ copy.title.kinds) & titles.SAME_RECORDING)
    if kinds:
        return f"another copy of the recording ({', '.join(kinds)})", 0.97
    return "the same title by the same artist", 0.97 if not all(lengths) or max(lengths) < 1.25 * min(lengths) else 0.9


def _version_reason(top: _Node, head: _Node) -> tuple[str, float]:
    marks = [mark for mark in head.title.marks if mark.kind not in titles.SAME_RECORDING]
    said = ", ".join(dict.fromkeys(mark.kind.replace("_", " ") for mark in marks)) or head.version or "studio"
    if head.via and not top.via:
        return f"{head.via.reason}, in another version ({said})", min(head.via.confidence, 0.9)
    return f"the same song in another version ({said})", 0.95


def _shown(song: _Nodes, groups: list[Group]) -> dict[int, str]:
    """The cleanest title among the copies of what is kept, where it is not its own."""
    by_id = {node.entry.id: node for node in song}
    shown: dict[int, str] = {}
    copies: dict[int, list[str]] = defaultdict(list)
    for one in groups:
        copies[one.keep] += [
            by_id[id_].entry.title for id_ in one.merged if by_id[id_].version == by_id[one.keep].version
        ]
    for keep, names in copies.items():
        best = cleanest([by_id[keep].entry.title, *names])
        if best != by_id[keep].entry.title:
            shown[keep] = best
    return shown


def _still_open(proposals: Iterable[Proposal], roots: dict[int, int], parted: _Parted) -> list[Proposal]:
    """Proposals between the songs that stand in the end, each pair once with the surest reason."""
    best: dict[frozenset[int], Proposal] = {}
    for one in proposals:
        keep, other = roots.get(one.keep, one.keep), roots.get(one.other, one.other)
        pair = frozenset((keep, other))
        if keep == other or not parted.allows([keep], {other}):
            continue
        if pair not in best or one.confidence > best[pair].confidence:
            best[pair] = Proposal(keep, other, one.reason, one.confidence)
    return sorted(best.values(), key=lambda one: (-one.confidence, one.keep, one.other))
