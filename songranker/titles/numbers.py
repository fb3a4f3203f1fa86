"""Numbers of parts in figures, Roman numerals and words of several languages. Pure."""

import re
import unicodedata

from songranker.titles.text import fold

_ROMAN = {"i": 1, "v": 5, "x": 10}
ROMAN = r"(?:x{0,3}(?:ix|iv|v?i{0,3}))"
_IS_ROMAN = re.compile(rf"(?=[ivx])({ROMAN})$")
_WORDS: dict[str, int] = {}
for _line in (
    "one two three four five six seven eight nine ten eleven twelve",
    "first second third fourth fifth sixth seventh eighth ninth tenth",
    "uno dos tres cuatro cinco seis siete ocho nueve diez",
    "un deux trois quatre cinq six sept huit neuf dix",
    "eins zwei drei vier fünf sechs sieben acht neun zehn",
    "um dois três quatro",
    "uno due tre quattro",
    "primera segunda tercera cuarta quinta",
    "primeira segunda terceira quarta",
    "première deuxième troisième quatrième",
    "один два три четыре пять шесть семь восемь девять десять",
    "первая вторая третья четвертая пятая",
    "ένα δύο τρία τέσσερα",
    "一 二 三 四 五 六 七 八 九 十",
    "壱 弐 参",
    "壹 贰 叁",
    "الأول الثاني الثالث الرابع",
    "الأولى الثانية الثالثة",
    "אחד שתיים שלוש ארבע",
    "एक दो तीन चार",
    "หนึ่ง สอง สาม สี่",
    "일 이 삼 사",
):
    for _value, _word in enumerate(_line.split(), start=1):
        _WORDS.setdefault(fold(_word), _value)
WORDS = "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True))


def number(word: str) -> str | None:
    """A folded word as decimal figures ("ii" is "2", "two" is "2", "٢" is "2"); None where it is no number."""
    if word.isdecimal():
        return str(int("".join(str(unicodedata.decimal(figure)) for figure in word)))
    if word in _WORDS:
        return str(_WORDS[word])
    return str(_from_roman(word)) if _IS_ROMAN.match(word) else None


def _from_roman(word: str) -> int:
    values = [_ROMAN[letter] for letter in word]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
