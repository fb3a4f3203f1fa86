"""`make bench`: every figure beside its rival from the same run, as a table and under docs/benchmarks/."""

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import chaos, duplicates, fit, gateway, imports, limits, pairs, votes
from benchmarks.table import Row

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "results.md"
HEADER = """# Benchmarks

Made by `make bench` on {day}, Python {python}, {machine}. Absolute times hold for that machine
only; what counts is the ratio to the rival, measured in the same run.

| what | ours | rival | ratio |
| --- | ---: | ---: | ---: |
"""


def main() -> int:
    rows: list[Row] = []
    for module in (fit, pairs, votes, duplicates, limits, gateway, imports, chaos):
        print(f"... {module.__name__.removeprefix('benchmarks.')}", flush=True)
        rows += module.measure()
    lines = [f"| {row.what} | {row.ours} | {row.rival} | {row.ratio} |" for row in rows]
    text = HEADER.format(
        day=datetime.now(UTC).date(),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
    )
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(text + "\n".join(lines) + "\n")
    print("\n".join(lines))
    print(f"written to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
