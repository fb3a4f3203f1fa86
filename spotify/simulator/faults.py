"""Faults on demand: what Spotify does on a bad day, by path, for the next n calls or at a rate."""

import random
import re
import threading
from dataclasses import dataclass
from typing import Any

KINDS = ("status", "429", "hang", "drop", "html", "truncate", "null_items", "slow")


@dataclass(slots=True)
class Fault:
    """One fault; `times` 0 means until it is removed."""

    kind: str
    path: str = ".*"  # regular expression on the request's path
    times: int = 1
    rate: float = 1.0
    status: int = 503
    body: str | None = None  # text sent instead of Spotify's JSON error
    retry_after: str | None = None  # sent as it is: seconds, a date, nonsense; None: no header
    reason: str | None = None  # e.g. QUOTA_EXCEEDED
    seconds: float = 30.0  # of a hang or a slow answer
    seen: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(KINDS)}")
        re.compile(self.path)


class Faults:
    """The faults in force, oldest first; at most one strikes a call."""

    def __init__(self, seed: int = 1) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._random = random.Random(seed)

    def replace(self, faults: list[dict[str, Any]]) -> None:
        """Raises TypeError or ValueError for a fault that makes no sense, and changes nothing then."""
        new = [Fault(**fault) for fault in faults]
        with self._lock:
            self._faults = new

    def strike(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                used_up = fault.times and fault.seen >= fault.times
                if not used_up and re.fullmatch(fault.path, path) and self._random.random() < fault.rate:
                    fault.seen += 1
                    return fault
        return None
