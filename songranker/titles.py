"""The grammar of titles: what a song or an album is called, and what is only said about the version.

Pure. Shared, because albums (`spotify.editions`) and songs (`ranking.duplicates`) follow the same grammar.

A word is a mark by its place (after " - ", in brackets at the end), never by being contained in a title: "Live
Forever", "Demons" and "Acoustic" as a whole title stay what they are.
"""

import re
import unicodedata
from dataclasses import dataclass

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "＇": "'", "´": "'", "`": "'"})

# Kind -> words that announce it; the first kind that fits wins. Languages of common releases are mixed on purpose.
_KINDS: tuple[tuple[str, str], ...] = (
    ("karaoke", r"karaoke|sing[- ]?along|カラオケ"),
    ("commentary", r"commentary|track by track|interview|voice ?memos?|big machine radio"),
    ("instrumental", r"instrumental|inst\.?|インストゥルメンタル|минус"),
    ("demo", r"demos?|rough mix|work tape|songwriting session"),
    ("acoustic", r"acoustic|acoustique|ac[uú]stic[oa]|akustik|unplugged|アコースティック|stripped"),
    (
        "live",
        r"live|en vivo|ao vivo|en directo|en direct|dal vivo|in concert|live-version|ライブ|라이브|концерт\w*|sessions?",
    ),
    ("rerecording", r"(?:taylor'?s|my|our) version|re-?record(?:ed|ing)|\d{4} version|new version"),
    (
        "remix",
        r"re-?mix(?:ed)?|\w+ mix|mix|dub|rework|bootleg|リミックス|sped up|slowed(?: down)?|nightcore|mash-?up|vip",
    ),
    ("edit", r"edit|radio|single version|album version|extended|short version|\d+ minute version|\d+\"? version"),
    (
        "alternate",
        r"alternat(?:e|ive)|takes? \d+|outtake|early version|long pond \w+|string version|piano(?: version)?|orchestral",
    ),
    ("remaster", r"remaster(?:ed|izado|isé)?|remastered version|リマスター|digital master|ремастер\w*"),
    ("mono", r"mono|stereo"),
    (
        "edition",
        r"deluxe|edition|edici[oó]n|expanded|bonus(?: track)?s?|anniversary|platinum|package|special|collector'?s|explicit|clean"
        r"|standard|complete|version|from the (?:motion picture|vault|disney)\b.*",
    ),
)
_KIND_PATTERNS = tuple((kind, re.compile(rf"(?<!\w)(?:{words})(?!\w)")) for kind, words in _KINDS)
_FEATURED = re.compile(r"^(?:feat(?:uring)?|ft|with|con)\.?\s+(.+)$", re.IGNORECASE)
_TRAILING_BRACKETS = re.compile(r"^(.*\S)\s*[(\[（【〔]([^()\[\]（）【】〔〕]+)[)\]）】〕]\s*$")
_TRAILING_DASH = re.compile(r"^(.*\S)\s+[-–—]\s+(\S.*)$")
_TRAILING_FEATURED = re.compile(r"^(.*\S)\s+(?:feat|ft|featuring)\.?\s+(.+)$", re.IGNORECASE)
# What is only another copy of the same recording: never a reason to ask about a song twice.
SAME_RECORDING = frozenset({"remaster", "mono", "edition"})
# Versions that are each their own: two remixes of a song are the same only where their names agree.
NAMED_KINDS = frozenset({"remix", "edit", "alternate", "rerecording"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing said about the version: its kind, and the words that said it."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Title:
    """A parsed title. `text` is what was there, untouched."""

    text: str
    base: str
    marks: tuple[Mark, ...]
    featured: tuple[str, ...]

    @property
    def key(self) -> str:
        """Equal for titles that name the same song."""
        return fold(self.base)

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(mark.kind for mark in self.marks)

    @property
    def version_key(self) -> str:
        """Equal for titles that name the same version, in the sense of `versions=keep`."""
        parts = []
        for mark in self.marks:
            if mark.kind in NAMED_KINDS:
                parts.append(f"{mark.kind}:{fold(mark.text)}")
            elif mark.kind not in SAME_RECORDING:
                parts.append(mark.kind)
        return "|".join(sorted(set(parts)))


def normalise(text: str) -> str:
    """NFKC with plain quotes and single spaces; letters and case stay."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())


def fold(text: str) -> str:
    """A key for comparing names: case, punctuation and Latin accents away, letters of every script kept.

    A text without a single letter or digit ("???", an emoji) is its own key, so that such titles stay apart.
    """
    plain = normalise(text).casefold().replace("'", "")
    decomposed = unicodedata.normalize("NFD", plain)
    kept = []
    base_is_latin = False
    for character in decomposed:
        if unicodedata.combining(character):
            if not base_is_latin:  # a dakuten or the breve of й makes another letter, not an accent
                kept.append(character)
            continue
        base_is_latin = character < "ɐ"
        kept.append(character)
    words = re.findall(r"[\w\u0300-\u036f\u3099\u309a]+", unicodedata.normalize("NFC", "".join(kept)))
    return " ".join(words) or plain


def name_key(name: str) -> str:
    """A key for comparing artists' names: "Florence + The Machine" is "florence and the machine"."""
    key = fold(re.sub(r"\s*[&+]\s*", " and ", normalise(name)))
    return key.removeprefix("the ")


def kind_of(words: str) -> str | None:
    """Which kind of version these words announce; None where they are no mark."""
    folded = normalise(words).casefold()
    for kind, pattern in _KIND_PATTERNS:
        if pattern.search(folded):
            return kind
    return None


def parse(text: str) -> Title:
    """Take a title apart. Never fails: what is not understood stays in `base`."""
    rest = normalise(text)
    marks: list[Mark] = []
    featured: list[str] = []
    while True:
        taken = _take_suffix(rest)
        if taken is None:
            break
        rest, suffix = taken
        guest = _FEATURED.match(suffix)
        if guest:
            featured.insert(0, guest[1])
        else:
            marks.insert(0, Mark(kind_of(suffix) or "edition", suffix))
    return Title(text=text, base=rest, marks=tuple(marks), featured=tuple(featured))


def _take_suffix(text: str) -> tuple[str, str] | None:
    """The last bracket or dash group, where it is a mark or a guest; else None."""
    match = _TRAILING_BRACKETS.match(text)
    if match and (_FEATURED.match(match[2]) or kind_of(match[2])):
        return match[1], match[2]
    match = _TRAILING_DASH.match(text)
    if match and kind_of(match[2]):
        return match[1], match[2]
    match = _TRAILING_FEATURED.match(text)
    return (match[1], f"feat. {match[2]}") if match else None
