"""The grammar of titles: base, subtitles, parts, marks of the version, guests. Pure.

    title    = base { suffix }
    suffix   = bracket | dash | tail             " (Live)", " - Live", " Radio Edit", " feat. X"
    content  = guest | part | marks | subtitle   what a suffix says (`suffixes`)

A word is a mark by its place, never by being contained in a title: "Live Forever", "Demons" and "Acoustic" as a whole
title stay what they are. Suffixes are read from the right, and the first piece of a title is always its base.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from songranker.titles import parts, suffixes
from songranker.titles.parts import Part
from songranker.titles.suffixes import NAMED_KINDS, Mark, Said
from songranker.titles.text import accents, fold, normalise

# What is only another copy of the same recording: never a reason to ask about a song twice.
SAME_RECORDING = frozenset({"remaster", "mono", "edition"})
# One kind speaks for a version that is several of them: a live acoustic take is live.
_LEADING = ("karaoke", "commentary", "voice_memo", "instrumental", "live", "demo", "acoustic")

_CLOSING = dict(zip("([{（［｛【〔〈《「『〖", ")]}）］｝】〕〉》」』〗", strict=True))
_OPENING = re.escape("".join(_CLOSING))
_DASHES = "-‐‑‒–—―−－"  # the hyphen first: these also stand in character classes
_DASH = re.compile(rf"\s+[{_DASHES}~〜～|｜]+\s+|\s*｜\s*")
# Japanese releases put the version between dashes or waves, without a space: "曲名-Live ver.-", "曲名 ~Acoustic~".
_WRAPPED = re.compile(rf"\s*([{_DASHES}~〜～])(?=\S)([^{_DASHES}~〜～]{{2,40}}?)\s*\1\s*$")
_TAIL_GUEST = re.compile(r"[\s,]+(?:feat\.?|ft\.?|featuring)\s+\S", re.IGNORECASE)
_TAIL_MARKS = re.compile(
    r"[\s,]+(?:(?:\d{4}\s+)?(?:digital(?:ly)?\s+)?re-?master(?:ed)?(?:\s+version)?(?:\s+\d{4})?"
    r"|(?:live|acoustic|radio|karaoke|instrumental|album|single|demo|extended|original|unplugged|studio|clean|explicit|club)"
    r"\s+(?:version|edit|mix|ver\.?)|\S+['’]s\s+version|bonus track"
    r"|(?:deluxe|platinum|special|expanded|limited|international|anniversary)\s+(?:edition|version)"
    r"|(?<!the )(?<!a )re-?mix|rmx"
    r"|en vivo|ao vivo|dal vivo|en directo|remasterizad[oa]|version acoustique|live-version"
    r"|live (?:at|from) (?:the )?(?-i:[A-Z]).*"
    r"|\S*ライブ(?:バージョン)?|라이브(?: 버전)?)\s*$",
    re.IGNORECASE,
)
_UNCLOSED = re.compile(r"\s*[(\[（][^()\[\]（）]*$")
_INNER_GUEST = re.compile(r"\s*[(\[（]\s*(?:feat|ft|featuring)\b\.?\s*(?P<who>[^)\]）]+)[)\]）]", re.IGNORECASE)
_LEADING_BRACKET = re.compile(
    r"\s*(?:[(（](?P<a>[^()（）]{2,})[)）]|【(?P<b>[^【】]{2,})】|\[(?P<c>[^\[\]]{2,})\])\s*(?=\S)"
)
# Most titles have nothing that could be a suffix; this tells them in one pass.
_MAY_HAVE_SUFFIX = re.compile(
    rf"[{_OPENING}~〜～|｜#№]|\s[{_DASHES}]+\s|[{_DASHES}]\s*$|(?:\d|[IVX]{{2,}}|第.+|パート.+|ライブ.*|라이브.*)\s*$"
    r"|(?<!\w)(?:feat|ft|featuring|re-?master(?:ed)?|edition|version|mix|edit|re-?mix|rmx|ver|track|vivo|directo|remasterizad[oa]|acoustique|live)(?!\w)"
    rf"|(?<!\w)(?:{parts.LABEL})[.\s]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the title as it was written; all of them, joined, are the title."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Title:
    """A parsed title. `text` is what was there, untouched; the texts of `pieces`, joined, are the same."""

    text: str
    base: str
    marks: tuple[Mark, ...] = ()
    featured: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    subtitles: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()

    @property
    def short_key(self) -> str:
        """Equal for titles that name one song but for a subtitle: "Rabbit Heart (Raise It Up)" is "rabbit heart"."""
        return self._keyed(self.base)

    @property
    def key(self) -> str:
        """Equal for titles that name the same song, subtitles included."""
        if not self.subtitles:
            return self.short_key
        return self._keyed(" ".join(piece.text for piece in self.pieces if piece.role in ("base", "subtitle")))

    def _keyed(self, text: str) -> str:
        return " ".join((parts.numbered(fold(text)), *map(str, self.parts)))

    @property
    def accents(self) -> str:
        """The base with the accents that `key` leaves out; empty where it has none."""
        return accents(self.base)

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(mark.kind for mark in self.marks)

    @property
    def version_key(self) -> str:
        """Equal for titles that name the same version, in the sense of `versions=keep`; empty for the studio's own."""
        kinds = self.kinds
        names = {f"{mark.kind}:{mark.detail}" for mark in self.marks if mark.kind in NAMED_KINDS}
        return "|".join([*[kind for kind in _LEADING if kind in kinds][:1], *sorted(names)])

    @property
    def is_generic(self) -> bool:
        """Is it a name that one artist may give to several pieces: "Intro", "Interlude", "Untitled"?"""
        return fold(self.base) in parts.GENERIC

    @property
    def has_dash_subtitle(self) -> bool:
        """Does a subtitle stand after a dash, where it may as well be the name of another piece?"""
        return any(
            piece.role == "subtitle" and not any(bracket in piece.text for bracket in _CLOSING) for piece in self.pieces
        )


@lru_cache(maxsize=65536)
def parse(text: str) -> Title:
    """Take a title apart. Never fails: what is not understood stays in the base or is a subtitle."""
    if not _MAY_HAVE_SUFFIX.search(text):
        return Title(text, normalise(text), pieces=(Piece("base", text),) if text else ())
    rest, found = text, []
    while True:
        taken = _take(rest)
        if taken is None:
            break
        start, role, said = taken
        found.append((said, Piece(role, rest[start:])))
        rest = rest[:start]
    found += reversed(_base(rest))
    found.reverse()
    said_in_order = [said for said, _ in found]
    base = normalise("".join(piece.text for _, piece in found if piece.role == "base"))
    return Title(
        text=text,
        base=base or normalise(text),
        marks=tuple(mark for said in said_in_order for mark in said.marks),
        featured=tuple(said.guest for said in said_in_order if said.guest),
        parts=tuple(said.part for said in said_in_order if said.part),
        subtitles=tuple(_content(piece.text) for _, piece in found if piece.role == "subtitle"),
        pieces=tuple(piece for _, piece in found if piece.text),
    )


def _take(rest: str) -> tuple[int, str, Said] | None:
    """The last suffix: (where it begins, its role, what it says); None where only a base is left."""
    for find, may_be_subtitle in (
        (_bracket, True),
        (_wrapped, False),
        (_dash, True),
        (_tail_guest, False),
        (_tail_marks, False),
    ):
        start = find(rest)
        if start is None or not _is_name(rest[:start]):
            continue
        said = suffixes.read(_content(rest[start:]))
        if said or may_be_subtitle:
            return start, _role(said), said
    start = parts.tail(rest)
    if start is not None and _is_name(rest[:start]):
        said = Said(part=parts.of(fold(rest[start:])))
        return start, _role(said), said
    return None


def _is_name(text: str) -> bool:
    """Can this be a title's base, and not only what stands between two?"""
    return bool(text.strip(f"{_DASHES}~〜～|｜,:;. \u3000\t").strip("".join(_CLOSING)))


def _role(said: Said) -> str:
    if said.marks:
        return "mark"
    if said.guest:
        return "featured"
    return "part" if said.part else "subtitle"


def _bracket(rest: str) -> int | None:
    """Where the bracket at the end opens; one that is never closed counts to the end."""
    text = rest.rstrip()
    closing = text[-1:]
    if closing in _CLOSING.values():
        depth = 0
        for at in range(len(text) - 1, -1, -1):
            depth += (text[at] in _CLOSING.values()) - (text[at] in _CLOSING)
            if depth == 0:
                return len(text[:at].rstrip())
        return None
    unclosed = _UNCLOSED.search(text)
    return unclosed.start() if unclosed and suffixes.read(_content(unclosed[0])) else None


def _wrapped(rest: str) -> int | None:
    match = _WRAPPED.search(rest)
    return match.start() if match and not rest[match.start() :].isspace() else None


def _dash(rest: str) -> int | None:
    starts = [dash.start() for dash in _DASH.finditer(rest) if _content(rest[dash.end() :])]
    return starts[-1] if starts else None


def _tail_guest(rest: str) -> int | None:
    return next((match.start() for match in _TAIL_GUEST.finditer(rest) if _is_name(rest[: match.start()])), None)


def _tail_marks(rest: str) -> int | None:
    match = _TAIL_MARKS.search(rest)
    return match.start() if match else None


def _content(suffix: str) -> str:
    """A suffix without its brackets, dash or waves."""
    text = suffix.strip().strip(f"{_DASHES}~〜～|｜").strip()
    if text[:1] in _CLOSING:
        text = text[1:].removesuffix(_CLOSING[text[0]])
    return text.lstrip(",:;\u3000 ").strip()


def _base(rest: str) -> list[tuple[Said, Piece]]:
    """What is left at the beginning: the base, a bracket before it, a guest in the middle of it."""
    found: list[tuple[Said, Piece]] = []
    match = _LEADING_BRACKET.match(rest)
    if match and _is_name(rest[match.end() :]):
        said = suffixes.read(match["a"] or match["b"] or match["c"])
        if not said or said.marks:
            found.append((said, Piece(_role(said), match[0])))
            rest = rest[match.end() :]
    guest = _INNER_GUEST.search(rest)
    if guest and _is_name(rest[: guest.start()]):
        found += [
            (Said(), Piece("base", rest[: guest.start()])),
            (Said(guest=guest["who"].strip()), Piece("featured", guest[0])),
        ]
        rest = rest[guest.end() :]
    return [*found, (Said(), Piece("base", rest))]


def forget() -> None:
    """Empty the caches, for benchmarks: what a process that has just begun takes."""
    for cached in (parse, suffixes.read, fold):
        cached.cache_clear()
