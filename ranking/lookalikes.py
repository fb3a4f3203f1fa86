"""Titles that may name the same song though they are written differently: by a subtitle, in spelling, by a letter. Pure.

Each link says whether it is sure enough to be done or only to be proposed: lengths decide. Near linear: titles meet only
in blocks (the title without its subtitle, its letters alone, its letters less one).
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from songranker import titles

# Below so many letters, one letter makes another word: "Demon" and "Demons".
ONE_LETTER_FROM = 8
SAME_LENGTH_MS = 2000
_NUMBERS = {
    word: str(n)
    for n, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
}
_SOUNDS = {
    "4": "for",
    "2": "to",
    "u": "you",
    "ur": "your",
    "r": "are",
    "th": "the",
    "thru": "through",
    "tonite": "tonight",
    "luv": "love",
    "cuz": "cause",
}
_ARTICLES = frozenset(
    ["the", "a", "an", "la", "el", "los", "las", "le", "les", "der", "die", "das", "il", "lo", "o", "os", "as"]
)
_NO_ALPHABET = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DROPPED_G = re.compile(r"(?<=..)ing$")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Name:
    """A song as its title has it. artist: a number for each. lengths: sorted milliseconds by version key, where known."""

    title: titles.Title
    artist: int
    lengths: dict[str, tuple[int, ...]]

    @cached_property
    def key(self) -> str:
        return self.title.key


@dataclass(frozen=True, slots=True)
class Link:
    """Positions of two names, why they may be one song, how sure that is, and whether that is enough to fold them."""

    first: int
    second: int
    reason: str
    confidence: float
    sure: bool


def links(names: Sequence[Name]) -> list[Link]:
    """Links between different titles, the surest first. Does not depend on the order of the names."""
    found: dict[tuple[int, int], Link] = {}
    for find in (_spelled, _subtitles, _censored, _one_letter, _unmarked):
        for link in find(names):
            if names[link.first].key == names[link.second].key:
                continue  # two songs of one name: their lengths or accents told them apart already
            pair = (min(link.first, link.second), max(link.first, link.second))
            if pair not in found or link.confidence > found[pair].confidence:
                found[pair] = link
    return sorted(
        found.values(),
        key=lambda link: (not link.sure, -link.confidence, *sorted((names[link.first].key, names[link.second].key))),
    )


def same_length(one: Name, other: Name) -> bool:
    """Do they have a version in common that lasts the same?"""
    return any(gap <= SAME_LENGTH_MS for gap, _ in _gaps(one, other))


def may_be_one(one: Name, other: Name) -> bool:
    """Do the lengths allow that they are one song? They do where they have no version in common, or only live ones:
    a song lasts three minutes one night and twenty the next.
    """
    studio = Name(
        one.title, one.artist, {version: some for version, some in one.lengths.items() if "live" not in version}
    )
    gaps = list(_gaps(studio, other))
    return not gaps or any(gap <= max(12_000, 0.08 * length) for gap, length in gaps)


def _gaps(one: Name, other: Name) -> Iterator[tuple[int, int]]:
    """(difference to the nearest length of the other, length) for each length of a version that both have, ms."""
    for version, lengths in one.lengths.items():
        theirs = other.lengths.get(version)
        if not theirs:
            continue
        few, many = (lengths, theirs) if len(lengths) < len(theirs) else (theirs, lengths)
        for length in few:
            at = bisect_left(many, length)
            yield min(abs(length - near) for near in many[max(0, at - 1) : at + 1]), length


def _blocks(keys: dict[int, list[str]], names: Sequence[Name]) -> Iterator[tuple[int, int]]:
    """Pairs of names of one artist that share a key; pairs of a block go to its first, so that a block of k gives k - 1."""
    blocks: dict[tuple[int, str], list[int]] = defaultdict(list)
    for at in sorted(keys, key=lambda at: (names[at].key, names[at].artist)):
        for key in keys[at]:
            blocks[names[at].artist, key].append(at)
    for block in blocks.values():
        for other in block[1:]:
            if other != block[0]:
                yield block[0], other


def _letters(key: str) -> str:
    """The letters of a title without what people write in several ways: spaces, articles, small numbers, "4" for "for"."""
    tokens = key.split()
    inner = [_SOUNDS.get(token, token) if 0 < i < len(tokens) - 1 else token for i, token in enumerate(tokens)]
    if len(inner) > 1 and inner[0] in _ARTICLES:
        inner = inner[1:]
    return "".join(_NUMBERS.get(token, _DROPPED_G.sub("in", token)) for token in inner)


def _spelled(names: Sequence[Name]) -> Iterator[Link]:
    for a, b in _blocks({i: [_letters(name.key)] for i, name in enumerate(names)}, names):
        one, other = names[a], names[b]
        only_spaces = one.key.replace(" ", "") == other.key.replace(" ", "")
        long_enough = (
            min(len(one.key), len(other.key)) >= ONE_LETTER_FROM and min(one.key.count(" "), other.key.count(" ")) > 0
        )
        sure = same_length(one, other) or (may_be_one(one, other) and (only_spaces or long_enough))
        yield Link(a, b, "the same title spelled differently", 0.95 if sure else 0.6, sure)


def _subtitles(names: Sequence[Name]) -> Iterator[Link]:
    """A title with a subtitle and the same without: one song where there is only one such subtitle, or the lengths agree."""
    bare: dict[tuple[int, str], int] = {}
    with_subtitle: dict[tuple[int, str], list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        if not name.title.subtitles:
            bare[name.artist, name.key] = at
        elif not name.title.is_generic:
            with_subtitle[name.artist, name.title.short_key].append(at)
    for key, several in with_subtitle.items():
        if key not in bare:
            continue
        one = names[bare[key]]
        for at in several:
            other = names[at]
            only = len(several) == 1 and not other.title.has_dash_subtitle
            sure = same_length(one, other) or (only and may_be_one(one, other))
            reason = f"the same title but for “{' / '.join(other.title.subtitles)[:80]}”"
            yield Link(bare[key], at, reason, 0.9 if sure else 0.5, sure)


def _censored(names: Sequence[Name]) -> Iterator[Link]:
    """ "F**k" and what it stands for."""
    for at, name in enumerate(names):
        if "*" not in name.key:
            continue
        pattern = re.compile(re.escape(name.key).replace(r"\*", r"\w"))
        for other_at, other in enumerate(names):
            if other.artist == name.artist and other_at != at and pattern.fullmatch(other.key):
                sure = may_be_one(name, other)
                yield Link(at, other_at, "the same title with letters starred out", 0.95 if sure else 0.6, sure)


def _one_letter(names: Sequence[Name]) -> Iterator[Link]:
    keys: dict[int, list[str]] = {}
    for at, name in enumerate(names):
        letters = name.key.replace(" ", "")
        if len(letters) >= ONE_LETTER_FROM and not _NO_ALPHABET.search(letters):
            keys[at] = [letters, *(letters[:i] + letters[i + 1 :] for i in range(len(letters)))]
    for a, b in _blocks(keys, names):
        one, other = names[a], names[b]
        if _DIGITS.findall(one.key) != _DIGITS.findall(other.key) or one.title.parts != other.title.parts:
            continue
        if _apart_by_one(one.key.replace(" ", ""), other.key.replace(" ", "")):
            sure = same_length(one, other)
            if sure or may_be_one(one, other):
                yield Link(a, b, "the same title but for one letter", 0.9 if sure else 0.6, sure)


def _apart_by_one(one: str, other: str) -> bool:
    """One letter more, less, other, or two neighbours changed places (Damerau-Levenshtein distance 1)."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    if len(one) != len(other):
        longer, shorter = sorted((one, other), key=len, reverse=True)
        return longer[start + 1 :] == shorter[start:]
    return one[start + 1 :] == other[start + 1 :] or (
        one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
    )


def _unmarked(names: Sequence[Name]) -> Iterator[Link]:
    """ "Karma Live" beside "Karma": a mark without its place is never sure."""
    by_key = {(name.artist, name.key): at for at, name in enumerate(names)}
    for at, name in enumerate(names):
        head, _, last = name.key.rpartition(" ")
        if head and last in _LOOSE_MARKS and (name.artist, head) in by_key:
            yield Link(by_key[name.artist, head], at, f"perhaps another version ({last})", 0.5, False)


_LOOSE_MARKS = frozenset(
    ["live", "demo", "acoustic", "remix", "instrumental", "karaoke", "unplugged", "acústico", "acustico"]
)
