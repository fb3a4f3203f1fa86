"""Tokens, the rolling window, the rolling day, and the counters that tests read."""

import math
import secrets
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Config:
    """What can be changed while the simulator runs (`POST /_admin/config`)."""

    quota_mode: str = "development"
    limit: int = 30  # calls in any rolling window; 0: none
    window_seconds: float = 30.0
    daily_limit: int = 4000  # calls in any rolling 24 hours; 0: none
    count_refused: bool = False  # do refused calls fill the window, too?
    latency_ms: float = 0.0
    latency_spread_ms: float = 0.0
    token_seconds: int = 3600
    client_id: str = ""  # empty: any
    client_secret: str = ""
    premium_lapsed: bool = False
    clock_offset_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        if self.quota_mode not in ("development", "development-legacy", "extended"):
            raise ValueError(f"quota_mode {self.quota_mode!r} is none of development, development-legacy, extended")


@dataclass(slots=True)
class Refusal:
    """A 429: which kind, and when a call would be taken again."""

    retry_after: int
    quota: bool


@dataclass(slots=True)
class Counters:
    """What was asked, since the start or the last reset."""

    calls: int = 0  # requests to /v1 with a valid token, refused ones included
    refused: int = 0  # answered 429 by the window or the day
    early: int = 0  # arrived before the Retry-After of an earlier 429 was over
    token_requests: int = 0
    max_in_window: int = 0
    max_concurrency: int = 0
    by_path: dict[str, int] = field(default_factory=dict)
    by_status: dict[str, int] = field(default_factory=dict)


class State:
    """Everything that changes, behind one lock."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Counters, window, day and tokens begin anew; the configuration stays."""
        self.counters = Counters()
        self.window: deque[float] = deque()
        self.day: deque[float] = deque()
        self.tokens: dict[str, float] = {}
        self.closed_until = 0.0
        self.in_flight = 0

    def now(self) -> float:
        return time.monotonic() + self.config.clock_offset_seconds

    def new_token(self) -> str:
        token = "sim-" + secrets.token_urlsafe(40)
        with self.lock:
            self.tokens[token] = self.now() + self.config.token_seconds
        return token

    def token_is_good(self, token: str) -> bool:
        with self.lock:
            return self.tokens.get(token, 0.0) > self.now()

    def admit(self, family: str) -> Refusal | None:
        """Count an arrival; a refusal where the window or the day is full."""
        with self.lock:
            now = self.now()
            self.counters.calls += 1
            _count(self.counters.by_path, family)
            if now < self.closed_until:
                self.counters.early += 1
            _drop_before(self.window, now - self.config.window_seconds)
            _drop_before(self.day, now - 24 * 3600)
            refusal = self._refusal(now)
            if refusal is None or self.config.count_refused:
                self.window.append(now)
                self.day.append(now)
            if refusal is None:
                self.counters.max_in_window = max(self.counters.max_in_window, len(self.window))
            else:
                self.counters.refused += 1
                self.closed_until = max(self.closed_until, now + refusal.retry_after)
            return refusal

    def _refusal(self, now: float) -> Refusal | None:
        config = self.config
        if config.daily_limit and len(self.day) >= config.daily_limit:
            return Refusal(math.ceil(self.day[0] + 24 * 3600 - now), quota=True)
        if config.limit and len(self.window) >= config.limit:
            return Refusal(max(1, math.ceil(self.window[0] + config.window_seconds - now)), quota=False)
        return None

    def enter(self) -> None:
        with self.lock:
            self.in_flight += 1
            self.counters.max_concurrency = max(self.counters.max_concurrency, self.in_flight)

    def leave(self, status: int) -> None:
        with self.lock:
            self.in_flight -= 1
            _count(self.counters.by_status, str(status))

    def snapshot(self) -> dict[str, Any]:
        """Configuration and counters, for `GET /_admin/state`."""
        with self.lock:
            _drop_before(self.window, self.now() - self.config.window_seconds)
            return {
                **asdict(self.counters),
                "in_window_now": len(self.window),
                "today": len(self.day),
                "tokens_alive": len(self.tokens),
                "config": asdict(self.config),
            }


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _drop_before(times: deque[float], limit: float) -> None:
    while times and times[0] <= limit:
        times.popleft()
