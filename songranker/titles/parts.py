"""Numbers and names that make a title another piece: "Pt. 2", "II", "No. 3", "Act I", "Interlude", "(Reprise)". Pure."""

import re
from dataclasses import dataclass

from songranker.titles import numbers
from songranker.titles.text import fold

_NUMBER = rf"(?:\d{{1,4}}|{numbers.ROMAN}|{numbers.WORDS})"
_LABELS: dict[str, str] = {
    fold(word): label
    for label, spelled in {
        "part": "part parts pt pts parte partes partie parties teil deel osa cz część "
        "часть ч частина μέρος الجزء جزء חלק ภาค ตอนที่ भाग パート 파트",
        "no": "no nr num number numero numéro número nummer номер رقم מספר",
        "vol": "vol volume volumen vols том",
        "act": "act acte akt acto atto акт",
        "chapter": "ch chapter chap chapitre capítulo capitolo kapitel глава",
        **{
            word: word
            for word in [
                "scene",
                "movement",
                "mvt",
                "book",
                "episode",
                "phase",
                "stage",
                "verse",
                "suite",
                "op",
                "opus",
            ]
        },
    }.items()
    for word in spelled.split()
}
# A piece of its own, with or without a number, where a title has a word of these after it.
_PIECES: dict[str, str] = {
    fold(word): name
    for name, spelled in {
        "reprise": "reprise|reprisa|リプライズ|리프라이즈|реприза",
        "interlude": "interlude|interludio|intermezzo|zwischenspiel|インタールード|間奏曲|인터루드|интерлюдия|간주",
        "intro": "intro|introduction|introducción|introdução|introduzione|イントロ|인트로|интро|вступление"
        "|序曲|序|مقدمة|הקדמה|εισαγωγή",
        "outro": "outro|アウトロ|아웃트로|аутро|終曲|尾声|خاتمة",
        "prelude": "prelude|preludio|prelúdio|präludium|прелюдия",
        "overture": "overture|ouverture|obertura|увертюра",
        "finale": "finale|финал",
        "coda": "coda",
        "skit": "skit|スキット|스킷|скит",
        "epilogue": "epilogue|epílogo|epilog|эпилог",
        "prologue": "prologue|prólogo|prolog|пролог",
        "continued": "continued|cont|cont d",
    }.items()
    for word in spelled.split("|")
}
# One artist may have several different songs of these names: the name alone says nothing.
GENERIC = frozenset(_PIECES) | frozenset(
    map(
        fold,
        [
            "untitled",
            "untitled track",
            "intermission",
            "intermedio",
            "hidden track",
            "track",
            "theme",
            "opening",
            "ending",
            "freestyle",
            "silence",
            "medley",
            "jam",
            "instrumental",
            "sin título",
            "sans titre",
            "ohne titel",
            "senza titolo",
            "sem título",
            "без названия",
            "無題",
            "无题",
            "무제",
            "بدون عنوان",
            "ללא שם",
            "χωρίς τίτλο",
            "tanpa judul",
            "interview",
            "monologue",
            "commentary",
            "speech",
            "introducing the band",
            "band introduction",
            "applause",
            "encore",
            "tuning",
            "talk",
            "mc",
            "remix",
            "demo",
            "live",
            "acoustic",
        ],
    )
)
LABEL = "|".join(sorted(map(re.escape, _LABELS), key=len, reverse=True))
_WHOLE = re.compile(rf"(?:(?P<label>{LABEL})\s?)?(?P<numbers>{_NUMBER}(?:\s(?:(?:and|to|y|und|et|e|и)\s)?{_NUMBER})*)$")
_FIGURES = r"[\d一二三四五六七八九十壱弐参]+"
_CJK = re.compile(
    rf"(?:第\s?(?P<a>{_FIGURES})\s?[章部話话回集幕番]|其の?\s?(?P<b>{_FIGURES})|(?P<c>\d+)\s?[부장편화])$"
)
_ONE_OF = frozenset("上中下前後后")
_TAIL = re.compile(
    rf"(?:[\s,:;]+|(?<=[^\x00-\x7f（［【]))(?P<part>(?:(?<!\w)(?:{LABEL})[.\s]\s*|#|№\s*|n[°º]\s*){_NUMBER}(?:\s*(?:&|and|to|[-–,])\s*{_NUMBER})*"
    rf"|第\s?{_FIGURES}\s?[章部話话回集幕番]|パート\s?\d+)\s*$",
    re.IGNORECASE,
)
_TAIL_ROMAN = re.compile(r"\s+(?P<part>(?=[IVX]{2,})X{0,3}(?:IX|IV|V?I{0,3}))\s*$")
_PIECE_NUMBER = re.compile(
    rf"(?P<piece>{'|'.join(sorted(map(re.escape, _PIECES), key=len, reverse=True))})\s(?:no\s)?(?P<number>{_NUMBER})$"
)


@dataclass(frozen=True, slots=True)
class Part:
    """label: "part", "no", "act", "reprise" ..., or "" for a bare number. number: decimal figures, "1 2", or "" for none."""

    label: str
    number: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.label, self.number)))


def of(content: str) -> Part | None:
    """The part that a folded suffix names, and nothing but a part; else None."""
    if content in _PIECES:
        return Part(_PIECES[content], "")
    if content in _ONE_OF:
        return Part("part", "後" if content == "后" else content)
    cjk = _CJK.match(content)
    if cjk:
        return Part("part", _figures(cjk["a"] or cjk["b"] or cjk["c"]))
    whole = _WHOLE.match(content)
    if whole:
        found = [numbers.number(word) or "" for word in whole["numbers"].split()]
        if whole["label"]:
            return Part(_LABELS[whole["label"]], " ".join(filter(None, found)))
        bare = content.replace(" ", "")
        if (
            content not in ("i", "v", "x")
            and (bare.isdecimal() or (bare.isascii() and not set(bare) - set("ivx")))
            and all(len(n) < 3 for n in found)
        ):
            return Part("", " ".join(found))
    numbered = _PIECE_NUMBER.match(content)
    return Part(_PIECES[numbered["piece"]], numbers.number(numbered["number"]) or "") if numbered else None


def _figures(text: str) -> str:
    return numbers.number(text) or text


def tail(text: str) -> int | None:
    """Where in a base its trailing part begins, the space before it included: "Another Brick in the Wall, Pt. 2"."""
    for pattern in (_TAIL, _TAIL_ROMAN):
        match = pattern.search(text)
        if match and match.start() > 0 and of(fold(match["part"])):
            return match.start()
    head, _, number = text.rstrip().rpartition(" ")
    return len(head) if head and number and _PIECE_NUMBER.match(fold(text)) else None


def numbered(key: str) -> str:
    """A folded title with the labels and numbers of parts inside it written one way: "pt ii the end" is "part 2 the end"."""
    tokens = key.split(" ")
    for i, token in enumerate(tokens[:-1]):
        label = _LABELS.get(token)
        if label:
            following = tokens[i + 1]
            value = numbers.number(following) if following != "i" and (label != "no" or following.isdecimal()) else None
            if value is not None:
                tokens[i], tokens[i + 1] = label, value
    return " ".join(tokens)
