"""Tables for people and JSON for programs: what the management commands print."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.table import Table

# Exit statuses of the commands; 2 is argparse's own for wrong usage.
NOTHING_FOUND, NOT_AVAILABLE = 1, 3


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


def show_json(out: OutputWrapper, value: Any) -> None:
    out.write(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
