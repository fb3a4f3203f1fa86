"""A line of the benchmark table, and the clock."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured; `rival` and `ratio` are "" where there is none."""

    what: str
    ours: str
    rival: str = ""
    ratio: str = ""


def milliseconds(work: Callable[[], object], times: int) -> list[float]:
    """How long each of `times` runs took, sorted."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)


def median_and_p95(took: list[float]) -> str:
    return f"{statistics.median(took):.2f} ms (p95 {took[int(len(took) * 0.95)]:.2f})"
