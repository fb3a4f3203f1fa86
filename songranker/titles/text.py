"""Text of many scripts made comparable. Pure.

What goes: case, width, punctuation, quotes, and those marks on letters that people leave out when they type. What stays:
whatever makes another letter or another word (dakuten, the breve of й, vowel signs of Thai and Devanagari, symbols).
"""

import re
import unicodedata
from functools import lru_cache

_QUOTES = str.maketrans(
    {
        **dict.fromkeys("’‘‛′＇´`ʼʻ׳", "'"),
        **dict.fromkeys("“”„‟″״«»", '"'),
        **dict.fromkeys("™®©\u00ad"),  # NFKC would make letters of them; the last is the soft hyphen
        **dict.fromkeys(
            "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ),
    }
)
# Letters that no decomposition takes apart.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ی": "ي", "ک": "ك"}
)
_INVISIBLE = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\u0640]")  # emoji styles, skin tones, Arabic tatweel
_AND = re.compile(r"\s*&\s*|\s+\+\s+")
_DROPPED_G = re.compile(r"(?<=\w\win)'(?!\w)")
_INITIALS = re.compile(r"(?<!\w)(\w)\.(?=\w(?:\.|\b))")
_NUMBER_SIGN = re.compile(r"#(?=\s?\d)|\bn[°º]\s*(?=\d)|\b(?:nr|nº)\b\.?(?=\s?\d)")
_DOLLAR = re.compile(r"\$(?=[^\W\d])")
_ASCII_WORDS = re.compile(r"[a-z0-9]+(?:\*+[a-z0-9]+)*")
# A run of letters, digits and what belongs to them, or one symbol: emoji, hearts, notes.
_PARTS = re.compile(
    r"(?:[^\W_]|[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a4d\u0a81-\u0acd\u0b82-\u0bcd\u0c00-\u0c4d\u0c81-\u0ccd\u0d00-\u0d4d\u0e31-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u3099\u309a]|(?<=\w)\*+(?=\w))+|[\u2190-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff÷×]"
)
_GUESTS = re.compile(r"\s*[(\[]?\s*(?<!\w)(?:feat|ft|featuring)(?!\w)\.?\s+", re.IGNORECASE)
_SEPARATORS = re.compile(
    r"\s*(?:[,;、，/]|(?<!\w)(?:&|\+|x|vs\.?|and|y|und|et|e|con|with|feat\.?|ft\.?|featuring)(?!\w))\s*", re.IGNORECASE
)


def normalise(text: str) -> str:
    """NFKC with plain quotes and single spaces; letters and case stay."""
    if text.isascii():
        return " ".join(text.replace("`", "'").split())
    return " ".join(unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_QUOTES).split())


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """A key for comparing names: case, punctuation and marks that people leave out are away, every script's letters stay.

    A text without a letter, a digit or a symbol ("???") is its own key, so that such titles stay apart.
    """
    plain = _spelled(normalise(text).casefold())
    words = _ASCII_WORDS.findall(plain) if plain.isascii() else _PARTS.findall(without_accents(plain))
    if "n" in words[1:-1]:  # rock 'n' roll
        words[1:-1] = ["and" if word == "n" else word for word in words[1:-1]]
    return " ".join(words or plain.split())


def _spelled(plain: str) -> str:
    """Ways of writing the same word made one: "&" and "'n'", "wavin'", "S.O.S.", "#1", "Ke$ha"."""
    if "&" in plain or "+" in plain:
        plain = _AND.sub(" and ", plain)
    if "'" in plain:
        plain = _DROPPED_G.sub("g", plain).replace("'", "")
    if "." in plain:
        plain = _INITIALS.sub(r"\1", plain)
    if "#" in plain or "n" in plain:
        plain = _NUMBER_SIGN.sub("no ", plain)
    return _DOLLAR.sub("s", plain) if "$" in plain else plain


def without_accents(text: str) -> str:
    """Case-folded text without the marks that people leave out: Latin and Greek accents, ё, niqqud, harakat, hamza.

    Marks that make another letter (й, ї, が) and vowel signs of the scripts of India and South East Asia stay.
    """
    decomposed = unicodedata.normalize("NFD", _INVISIBLE.sub("", text).translate(_LETTERS))
    kept: list[str] = []
    base = ""
    for character in decomposed:
        if not unicodedata.combining(character):
            base = character
            kept.append(character)
        elif not _may_go(base, character):
            kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _may_go(base: str, mark: str) -> bool:
    if "\u0300" <= mark <= "\u036f":
        if "\u0400" <= base <= "\u04ff":  # Cyrillic: ё is е, a stress is nothing, but й and ї are letters
            return (base == "е" and mark == "\u0308") or mark in "\u0300\u0301"
        return base < "ɐ" or "\u0370" <= base <= "\u03ff" or "\u1e00" <= base <= "\u1fff"
    return "\u0591" <= mark <= "\u05c7" or "\u064b" <= mark <= "\u065f" or mark == "\u0670"


def accents(text: str) -> str:
    """The key with its accents: tells "Mưa" from "Mùa", where `fold` does not. Empty where there are none."""
    if text.isascii():
        return ""
    plain = _spelled(normalise(text).casefold())
    return "" if unicodedata.normalize("NFC", plain) == without_accents(plain) else unicodedata.normalize("NFC", plain)


def name_key(name: str) -> str:
    """A key for comparing artists' names: "Florence + The Machine" is "florence and the machine"."""
    key = fold(re.sub(r"\s*[&+]\s*", " and ", normalise(name)))
    return key.removeprefix("the ")


@lru_cache(maxsize=16384)
def artist_keys(names: str) -> tuple[str, ...]:
    """Keys of the artists of one line of credits, in their order: "Zedd & Jon Bellion feat. X" gives three.

    Band names that hold a separator ("Earth, Wind & Fire") come apart, too: compare the whole line first.
    """
    parts = [
        part for part in _SEPARATORS.split(_GUESTS.sub(" feat ", normalise(names))) if part and part.strip(" ()[]")
    ]
    return tuple(dict.fromkeys(filter(None, map(name_key, parts))))
