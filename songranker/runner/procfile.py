"""Reads a Procfile: what runs on a laptop is what runs in production."""

import re
from pathlib import Path

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


def read(path: Path) -> dict[str, str]:
    """Process name -> shell command, in the file's order.

    Raises ValueError, with the line's number, for a line that is neither a process, a comment nor empty.
    """
    processes: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if not match:
            raise ValueError(f"{path.name} line {number}: expected `name: command`")
        processes[match[1]] = match[2]
    return processes
