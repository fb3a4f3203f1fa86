"""Files that people hand to the commands, as text. Pure."""

import gzip
import sys
from dataclasses import dataclass
from pathlib import Path


class Unusable(ValueError):
    """Nothing can be read from this file; the message says why."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out, or a value of it. `line` counts from 1, the header included, as editors do."""

    line: int
    reason: str


def read_text(path: str) -> str:
    """A file's text, gzipped where it ends in .gz, standard input where it is "-". Raises Unusable, OSError."""
    if path == "-":
        raw = sys.stdin.buffer.read()
    else:
        raw = Path(path).read_bytes()
        try:
            raw = gzip.decompress(raw) if path.endswith(".gz") else raw
        except (OSError, EOFError) as error:
            raise Unusable(f"not a gzip file: {error}") from None
    try:
        return raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Unusable(f"line {line}: not UTF-8 (byte 0x{raw[error.start]:02x})") from None
