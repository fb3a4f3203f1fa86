"""Comparisons from a CSV file. Pure numpy; fast because each distinct text is looked at once, not each row.

Three layouts, told by the header, in any order, other columns ignored:

- `winner, loser` and, where a row stands for several results, `count`
- `left, right, winner`, the last one of `left`, `right`, `tie`
- `item_i, item_j, wins_i, wins_j` and, where there were any, `ties` (also `home_team, away_team, home_wins, away_wins`)
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from ranking.bradley_terry import Counts
from ranking.precision import Floats
from songranker.textfiles import BadRow, Unusable, read_text

_ALIASES = {
    "winner_id": "winner",
    "loser_id": "loser",
    "home_team": "item_i",
    "away_team": "item_j",
    "home_wins": "wins_i",
    "away_wins": "wins_j",
}
# The first two are the items; "winner" is one only where there is no left and right.
_LAYOUTS = (("left", "right", "winner"), ("winner", "loser"), ("item_i", "item_j", "wins_i", "wins_j"))
_SIDES = {"left": 1.0, "right": 0.0, "tie": 0.5}


@dataclass(frozen=True)
class ComparisonFile:
    """What a file says. items: (n,) names, in the order in which they come."""

    items: list[str]
    counts: Counts
    bad_rows: list[BadRow]


def read(path: str) -> ComparisonFile:
    """Read a file, as `textfiles.read_text` does. Raises Unusable, OSError."""
    return parse(read_text(path))


def parse(text: str) -> ComparisonFile:
    """The comparisons of a CSV text. Raises Unusable where no row can be read."""
    text = text.removeprefix("\ufeff")
    table = _table(text)
    problems = table.problems
    header = [_ALIASES.get(name.strip().lower(), name.strip().lower()) for name in table.header]
    layout = next((names for names in _LAYOUTS if set(names) <= set(header)), None)
    if layout is None:
        raise Unusable(
            "line 1: the header must name winner,loser[,count], or left,right,winner, or item_i,item_j,wins_i,wins_j[,ties]"
        )
    columns = _Columns(dict(zip(header, table.columns, strict=True)), problems)
    items, first, second = columns.items(*layout[:2])
    first_wins, second_wins = _wins(layout, header, columns)
    good = np.ones(columns.size, dtype=bool)
    good[list(problems)] = False
    bad_rows = [BadRow(table.lines[row], reason) for row, reason in sorted(problems.items()) if reason]
    if not good.any():
        raise Unusable("no row can be used" + (f" (line {bad_rows[0].line}: {bad_rows[0].reason})" if bad_rows else ""))
    first, second = first[good], second[good]
    first_wins, second_wins = first_wins[good], second_wins[good]
    used = np.bincount(first, minlength=len(items)) + np.bincount(second, minlength=len(items)) > 0
    position = np.cumsum(used) - 1
    lost = second_wins > 0  # in most files a row is one result, and won by its first item
    counts = Counts.of_games(
        int(used.sum()),
        position[np.concatenate([first, second[lost]])],
        position[np.concatenate([second, first[lost]])],
        np.concatenate([first_wins, second_wins[lost]]),
    )
    return ComparisonFile([items[i] for i in np.flatnonzero(used)], counts, bad_rows)


@dataclass(frozen=True)
class _Table:
    """Header, columns, what is wrong with rows (by position; their fields are empty), and the line that each begins on."""

    header: list[str]
    columns: list[list[str]]
    problems: dict[int, str]
    lines: Sequence[int]


def _table(text: str) -> _Table:
    plain = _plain_table(text)
    if plain:
        return plain
    try:
        rows, lines = _csv_rows(text)
        broken: dict[int, str] = {}
    except csv.Error:
        rows, lines, broken = _lines_as_rows(text)
    if not rows:
        raise Unusable("the file is empty")
    header, *rows = rows
    width = len(header)
    problems = {
        i: broken.get(i + 1) or (f"{width} columns expected, {len(row)} found" if row else "")  # "": a blank line
        for i, row in enumerate(rows)
        if len(row) != width
    }
    rows = [row if len(row) == width else [""] * width for row in rows]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in header]
    return _Table(header, columns, problems, lines[1:])


def _csv_rows(text: str) -> tuple[list[list[str]], list[int]]:
    """Rows, and the line that each begins on: quoted fields may hold line breaks. Raises csv.Error."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins, rows, lines = 1, [], []
    for row in reader:
        rows.append(row)
        lines.append(begins)
        begins = reader.line_num + 1
    return rows, lines


def _lines_as_rows(text: str) -> tuple[list[list[str]], list[int], dict[int, str]]:
    """Each line by itself, so that a quote that is never closed spoils its own row and not all that follow."""
    rows, broken = [], {}
    for at, line in enumerate(text.replace("\r\n", "\n").split("\n")):
        try:
            rows.append(next(csv.reader([line], strict=True), []))
        except csv.Error as error:
            rows.append([])
            broken[at] = f"broken quotes ({error})"
    return rows, list(range(1, len(rows) + 1)), broken


def _plain_table(text: str) -> _Table | None:
    """The same without quotes, blank lines or rows of another width: three times as fast. None where there are any."""
    if '"' in text:
        return None
    lines = text.replace("\r\n", "\n").rstrip("\n")
    commas = lines.count(",", 0, lines.find("\n"))
    if "\r" in lines or set(map(str.count, lines.split("\n"), repeat(","))) != {commas} or not commas:
        return None
    fields = lines.replace("\n", ",").split(",")
    width = commas + 1
    columns = [fields[i + width :: width] for i in range(width)]
    return _Table(fields[:width], columns, {}, range(2, len(columns[0]) + 2))


def _wins(layout: tuple[str, ...], header: list[str], columns: "_Columns") -> tuple[Floats, Floats]:
    """(rows,) wins of the first and of the second item."""

    def numbers(name: str, missing: float) -> Floats:
        if name not in header:
            return np.full(columns.size, missing)
        return columns.values(name, _count, "must be a number, not negative")

    if layout[0] == "left":
        share = columns.values("winner", _side, "must be left, right or tie")
        return share, 1 - share
    if layout[0] == "winner":
        return numbers("count", 1.0), np.zeros(columns.size)
    ties = numbers("ties", 0.0)
    return numbers("wins_i", 0.0) + ties / 2, numbers("wins_j", 0.0) + ties / 2


def _side(text: str) -> float | None:
    return _SIDES.get(text.lower())


def _count(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None  # also refuses nan and infinity


class _Columns:
    """Columns of text as codes of their distinct values; what is wrong with a row goes to `problems`."""

    def __init__(self, columns: dict[str, list[str]], problems: dict[int, str]) -> None:
        self._columns = columns
        self._problems = problems
        self.size = len(next(iter(columns.values()), ()))

    def items(self, first: str, second: str) -> tuple[list[str], NDArray[np.intp], NDArray[np.intp]]:
        """Distinct names without outer spaces, and (rows,) the code of each of the two items."""
        names = [self._columns[name] for name in (first, second)]
        both = [""] * (2 * self.size)
        both[::2], both[1::2] = names  # row by row, so that codes are given in the order in which items come
        distinct = dict.fromkeys(both)
        stripped: dict[str, int] = {}
        code_of = {text: stripped.setdefault(text.strip(), len(stripped)) for text in distinct}
        codes = [np.fromiter(map(code_of.__getitem__, column), np.intp, self.size) for column in names]
        for name, column in zip((first, second), codes, strict=True):
            self._flag(column == stripped.get("", -1), f"{name} is empty")
        self._flag(codes[0] == codes[1], "an item is compared with itself")
        return list(stripped), codes[0], codes[1]

    def values(self, name: str, convert: Callable[[str], float | None], rule: str) -> Floats:
        """(rows,) numbers; 0 where `convert` gives None, which is a problem of that row."""
        column = self._columns[name]
        number_of = {text: convert(text.strip()) for text in set(column)}
        numbers = np.array([number_of[text] for text in column], dtype=np.float64)  # None becomes nan
        for row in np.flatnonzero(np.isnan(numbers)):
            self._problems.setdefault(int(row), f"{name} {rule}, not {column[row]!r}"[:120])
        return np.nan_to_num(numbers)

    def _flag(self, rows: NDArray[np.bool_], reason: str) -> None:
        for row in np.flatnonzero(rows):
            self._problems.setdefault(int(row), reason)
