"""What a bracket, or the words after a dash, say about a song: a guest, a part, marks of the version, or a subtitle. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from songranker.titles import parts, words
from songranker.titles.parts import Part
from songranker.titles.text import fold, normalise

_GUEST = re.compile(
    r"^(?P<by>feat(?:uring|uing)?|ft|f/|with|w/|con|avec|mit|met|med|part(?:icipação)?\.?(?:\s+esp(?:ecial)?\.?)?(?:\s+de)?"
    r"|prod(?:uced)?\.? by|prod|duet with|(?:a )?d[uú]o con|en duo avec|starring|z udziałem|gościnnie|при участии|при уч"
    r"|с участием|совместно с|με τον|με την|με|συμμ|συμμετέχει|بمشاركة|مع|עם|בהשתתפות|피처링|フィーチャリング)"
    r"(?P<dot>[.:]?)(?:\s+|(?<=[.:/]))(?P<who>.+)$",
    re.IGNORECASE,
)
# These are words of sentences as well: a guest follows only where a name does.
_LOOSE = frozenset(["with", "w/", "con", "avec", "mit", "met", "med", "με", "مع", "עם"])
_SPLIT = re.compile(r"\s*[/;,|:•·・()\[\]]+\s*|\s+[–—-]\s+")
_OWNER = re.compile(r"^(?:.*\s)?(\S+'s|\S+s'|my|our)(?: own)? (?:version|ver\.?)$")
_YEAR = re.compile(r"(?:19|20)\d\d$")
_LENGTH = re.compile(r"^(\d+)\s?(minutes?|mins?|inch|in)(?: (?:version|ver|mix|edit|single|remix|cut))?$")
_SECONDS = re.compile(r"(?<=\d)\s?(?:''|\")")
_SOURCE = re.compile(
    r"^(?:(?:(?:music|theme|songs?|featured|as featured) )?(?:from|in)|aus|de la película|bande originale d[eu]"
    r"|banda sonora de|из|電影|电影|電視劇|电视剧|드라마|動畫|アニメ|映画|tvアニメ)\s*(?:[\"'«„「『《].+"
    r"|the (?:motion picture|vault|film|movie|series|original|soundtrack|netflix|album|musical|tv|disney|broadway).*"
    r"|.*(?:soundtrack|motion picture|film|movie|ost|series"
    r"|主題歌|主题曲|主題曲|片尾曲|插曲|テーマ|エンディング|オープニング).*)$"
)
# "From Barbie The Album" as a release writes it, with a name; "(From Me to You)" is a subtitle.
_FROM = re.compile(
    r"^(?:(?:the )?(?:original|official|music|theme|title)?\s*(?:song |music |theme )?)?from (?P<what>.+)$",
    re.IGNORECASE,
)
_STYLE = re.compile(r"^(?:in the style of|originally performed by|made famous by|as made famous by) .+$")
_PARODY = re.compile(r"^(?:parody of|lyrical adapt?ion of|cover of|tribute to|originally by) .+$")
_KANA = re.compile(r"[ァ-ヿ]")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_BOUNDARY = re.compile(
    r"(?<=[a-z0-9])(?=[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])|(?<=[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?=[a-z])"
)
_COMPOUND = re.compile(rf"(?<=\w\w\w)({'|'.join(words.COMPOUND)})\b")
_LONGEST = max(phrase.count(" ") + 1 for phrase in words.KIND_OF)
_ALL = {*words.KIND_OF, *words.FILLERS, *words.CLOSERS}

# Versions that are each their own: two remixes of a song are the same only where their names agree.
NAMED_KINDS = frozenset({"remix", "edit", "alternate", "rerecording"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing said about the version: its kind, the words that said it, and what they tell beside the kind (folded)."""

    kind: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What one suffix says. Nothing at all: it is a subtitle."""

    marks: tuple[Mark, ...] = ()
    guest: str = ""
    part: Part | None = None

    def __bool__(self) -> bool:
        return bool(self.marks or self.guest or self.part)


@lru_cache(maxsize=16384)
def read(content: str) -> Said:
    """What a suffix says; `content` without its brackets or dash."""
    plain = normalise(content).strip("-–—~〜. ")
    if not plain:
        return Said()
    guest = _guest(plain)
    if guest:
        return Said(guest=guest)
    part = parts.of(fold(plain))
    if part:
        return Said(part=part)
    source = _FROM.match(plain)
    if source and source["what"][0].isupper() and source["what"].split()[0].casefold() not in words.NO_SOURCES:
        return Said(marks=(Mark("edition", plain, fold(plain)),))
    return Said(marks=tuple(_marks(plain.casefold())))


def _guest(plain: str) -> str:
    match = _GUEST.match(plain)
    if not match:
        return ""
    by, who = match["by"].casefold(), match["who"].strip()
    first = who.split()[0].casefold().strip(".,")
    if by == "part" or parts.of(fold(plain)):
        return ""
    if by in _LOOSE:
        is_name = by in ("with", "w/") or not who[0].isalpha() or not who[0].islower()
        if first in words.NO_GUESTS or not is_name or len(who.split()) > 9 or _marks(who.casefold()):
            return ""
    return who


def _marks(text: str) -> list[Mark]:
    """The marks in case-folded words; none where they say something else as well."""
    for pattern, kind in ((_SOURCE, "edition"), (_STYLE, "karaoke"), (_PARODY, "alternate")):
        if pattern.match(text):
            return [Mark(kind, text, fold(text))]
    pieces = [piece for piece in _SPLIT.split(text) if piece]
    found = [_mark(piece) for piece in pieces]
    marks = [mark for some in found for mark in some]
    if len(pieces) > 1 and not marks:
        marks = _mark(" ".join(pieces))
    elif len(pieces) > 1 and not found[0] and not _is_detail(pieces[0]):
        # "Odd Future's: The Internet Remix", "I Said, Live": the first words must belong to the mark.
        marks = _mark(" ".join(pieces))
    return marks


def _is_detail(piece: str) -> bool:
    return all(token in _ALL or token.isdecimal() for token in _tokens(piece))


def _mark(text: str) -> list[Mark]:
    """The marks of words without a separator among them."""
    owner = _OWNER.match(text)
    if owner:
        return [Mark("rerecording", text, fold(owner[1]))]
    text = _SECONDS.sub(" inch ", text)
    length = _LENGTH.match(fold(text))
    if length:
        return [Mark("edit", text, f"{int(length[1])} {'inch' if length[2].startswith('in') else 'minute'}")]
    tokens = _tokens(text)
    if not tokens:
        return []
    if len(tokens) == 1 and _YEAR.match(tokens[0]):
        return [Mark("edition", text, tokens[0])]
    if tokens[0] == "take" and len(tokens) == 2 and tokens[1].isdecimal():
        return [Mark("demo", text, tokens[1])]
    kinds, unknown, first, last = _recognise(tokens)
    if tokens[-1] in ("session", "sessions") and set(kinds) <= {"edition"}:
        kinds = ["live"]
    years = [token for token in tokens if _YEAR.match(token)]
    if not kinds:
        if years and len(tokens) == 2 and tokens[1] in ("version", "ver", "recording"):
            return [Mark("rerecording", text, years[0])]
        if (unknown and _closes(tokens, last)) or _opens(tokens):
            return [Mark("alternate", text, _detail(tokens))]
        return []
    if unknown and not (_closes(tokens, last) or _followed(tokens, first) or _opens(tokens)):
        return []
    if kinds == ["remix"] and years and len(tokens) == 2 and tokens[-1] == "mix":
        return [Mark("remaster", text, years[0])]  # "2018 Mix": the same recording, mixed anew
    if len(kinds) > 1 and "mono" in kinds:
        kinds = [kind for kind in kinds if kind != "remix"]
    if "edition" in kinds and len(kinds) > 1:
        kinds = [kind for kind in kinds if kind != "edition"]
    if {"live", "acoustic", "instrumental", "karaoke", "demo"} & set(kinds) and tokens[-1] == "mix":
        kinds = [kind for kind in kinds if kind != "remix"]
    name = _detail(tokens)
    where = " ".join(token for token in tokens if token in unknown or token.isdecimal())
    return [Mark(kind, text, name if kind in NAMED_KINDS else where) for kind in kinds]


def _tokens(text: str) -> list[str]:
    folded = fold(text)
    tokens = [
        part
        for token in folded.split()
        for part in ([token] if token in _ALL else _COMPOUND.sub(r" \1", token).split())
    ]
    if not _UNSPACED.search(folded):
        return tokens
    return [piece for token in _BOUNDARY.sub(" ", folded).split() for piece in _unspaced(token)]


def _unspaced(token: str) -> list[str]:
    """A run of letters of a script without spaces, cut at the words that are known, the longest first.

    A run of katakana is one word: "ドライブ" (drive) does not hold "ライブ" (live).
    """
    pieces: list[str] = []
    unknown = ""
    at = 0
    while at < len(token):
        size = next((n for n in range(min(14, len(token) - at), 0, -1) if token[at : at + n] in _ALL), 0)
        if not size:
            unknown += token[at]
            at += 1
            continue
        if unknown:
            pieces.append(unknown)
            unknown = ""
        pieces.append(token[at : at + size])
        at += size
    if unknown:
        pieces.append(unknown)
    torn = any(
        _KANA.match(a[-1]) and _KANA.match(b[0]) and (a not in _ALL or b not in _ALL) for a, b in pairwise(pieces)
    )
    return [token] if torn else pieces


def _recognise(tokens: list[str]) -> tuple[list[str], list[str], int, int]:
    """(kinds in their order, words that are no mark's, end of the first kind, start of the last known phrase)."""
    kinds: list[str] = []
    unknown: list[str] = []
    first = last = -1
    at = 0
    while at < len(tokens):
        size, kind = _phrase(tokens, at)
        if kind:
            kinds += [kind] if kind not in kinds else []
            first = at + size if first < 0 else first
        if size and (kind or tokens[at] in words.CLOSERS):
            last = at
        if not size:
            if not tokens[at].isdecimal() and not _YEAR.match(tokens[at]):
                unknown.append(tokens[at])
            size = 1
        at += size
    return kinds, unknown, first, last


def _phrase(tokens: list[str], at: int) -> tuple[int, str]:
    """(length, kind) of the longest known phrase that begins here; (0, "") where there is none."""
    for size in range(min(_LONGEST, len(tokens) - at), 0, -1):
        phrase = tokens[at] if size == 1 else " ".join(tokens[at : at + size])
        kind = words.KIND_OF.get(phrase)
        if kind:
            return size, kind
        if phrase in words.FILLERS:
            return size, ""
    return 0, ""


def _closes(tokens: list[str], last: int) -> bool:
    """Do the words end in a kind that any name may stand before?"""
    end = len(tokens)
    while end and (
        tokens[end - 1].isdecimal() or (tokens[end - 1] in words.FILLERS and tokens[end - 1] not in words.CLOSERS)
    ):
        end -= 1
    if not end or last < 0:
        return False
    closer = tokens[end - 1] if tokens[end - 1] in words.CLOSERS else " ".join(tokens[last:end])
    before = tokens[end - 2] if end > 1 else ""
    return closer in words.CLOSERS and before not in words.SENTENCE


def _followed(tokens: list[str], first: int) -> bool:
    """Does the first kind say where, by whom or with what it was made: "live at Wembley", "remixed by X"?"""
    leading, kind = _phrase(tokens, 0)
    if kind == "live" and tokens[-1].isdecimal() and len(tokens) < 6:
        return True  # "Live Trenton '94"
    while first < len(tokens) and tokens[first].isdecimal():
        first += 1
    if not leading or first < 0 or first + 1 >= len(tokens) or tokens[first] not in words.CONNECTORS:
        return False
    return " ".join(tokens[first + 1 :]) not in words.NO_PLACES and tokens[first + 1] not in words.NO_PLACES


def _opens(tokens: list[str]) -> bool:
    return len(tokens) > 1 and tokens[0] in words.OPENERS


def _detail(tokens: list[str]) -> str:
    """What tells two versions of one kind apart: the words that are no general ones, in the order in which they stand."""
    return " ".join(token for token in tokens if token not in words.UNNAMED)
