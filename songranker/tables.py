"""Tables for people and JSON for programs: what the management commands print."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.table import Table

from songranker.textfiles import BadRow

# Exit statuses of the commands; 2 is argparse's own for wrong usage, and a file that says nothing is wrong usage.
NOTHING_FOUND, UNUSABLE, NOT_AVAILABLE = 1, 2, 3
SHOWN_BAD_ROWS = 20


def show(out: OutputWrapper, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table. Columns whose name begins with "#" stand to the right, as figures do."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            column.removeprefix("#"), justify="right" if column.startswith("#") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    # Not a terminal: wide enough that nothing is cut for `grep`.
    console = Console(file=out, width=None if out.isatty() else 200, highlight=False, markup=False)  # type: ignore[arg-type]
    console.print(table)


def name_bad_rows(err: OutputWrapper, bad_rows: Sequence[BadRow], fate: str) -> None:
    """Name what is wrong with a file, line by line; fate: what became of those rows."""
    for bad in bad_rows[:SHOWN_BAD_ROWS]:
        err.write(f"line {bad.line}: {bad.reason}")
    if len(bad_rows) > SHOWN_BAD_ROWS:
        err.write(f"... {len(bad_rows)} bad rows in all, {fate}")


def show_json(out: OutputWrapper, value: Any) -> None:
    out.write(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
