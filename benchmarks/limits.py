"""How well the unpublished limits are found: the budget's arithmetic against a Spotify that hides its own, in made-up time.

`Spotify` refuses as the contract says; `Caller` is `spotify/lua/acquire.lua` as plain lists, for one caller that always
wants more; the budget itself is the real `spotify/budget.py`. The rival obeys `Retry-After` and learns nothing.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.table import Row
from spotify import budget
from spotify.budget import DAY, Budget

WINDOW = 30.0
BUCKET = 600.0
MARGIN = 1.0


@dataclass
class Spotify:
    """A rolling window and a rolling day, by arrival; limits may change with time."""

    window: Callable[[float], int]
    day: Callable[[float], int] = lambda now: 10**9
    arrived: deque[float] = field(default_factory=deque)
    today: deque[float] = field(default_factory=deque)

    def call(self, now: float) -> tuple[str, float]:
        """("", 0) where it answers, else ("window" or "quota", Retry-After in seconds)."""
        while self.arrived and self.arrived[0] <= now - WINDOW:
            self.arrived.popleft()
        while self.today and self.today[0] <= now - DAY:
            self.today.popleft()
        if len(self.today) >= self.day(now):
            return "quota", math.ceil(self.today[len(self.today) - self.day(now)] + DAY - now)
        if len(self.arrived) >= self.window(now):
            return "window", math.ceil(self.arrived[len(self.arrived) - self.window(now)] + WINDOW - now)
        self.arrived.append(now)
        self.today.append(now)
        return "", 0.0


@dataclass
class Caller:
    """Calls whenever its budget lets it. `learns` False: the settings are believed for ever."""

    limit: int
    daily_limit: int
    learns: bool = True
    latency: tuple[float, float] = (0.05, 0.3)
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.budget: Budget = budget.fresh(self.limit, self.daily_limit, 0.0)
        self.slots: deque[float] = deque()
        self.buckets: deque[list[float]] = deque()
        self.used_today = 0
        self.opened = -WINDOW
        self.reviewed = 0.0
        self.peak = 0
        self.answered: list[float] = []
        self.refused: list[tuple[float, str]] = []

    def run(self, spotify: Spotify, seconds: float) -> None:
        """From 0 to `seconds`, calling as often as the budget allows."""
        now, free = 0.0, 0.0
        while now < seconds:
            now = max(now, free)
            wait = self._wait(now)
            if wait > 0:
                now += wait
                continue
            self._review(now)
            free = now + self.random.uniform(*self.latency)
            kind, retry_after = spotify.call((now + free) / 2)
            self._count(now, free)
            if not kind:
                self.answered.append(now)
            else:
                self.refused.append((now, kind))
                self._refused(kind, free)
                # One probe, then the window opens slowly.
                free = self.opened = free + retry_after + MARGIN + (0.02 * retry_after if kind == "quota" else 0)

    def _wait(self, now: float) -> float:
        """Seconds until the budget has a call left; 0 where it has one."""
        while self.slots and self.slots[0] <= now:
            self.slots.popleft()
        while self.buckets and self.buckets[0][0] < math.floor(now / BUCKET) - 144:
            self.used_today -= int(self.buckets.popleft()[1])
        working = self.budget.window.calls()
        opening = now - self.opened < WINDOW
        share = max(1, int(working * (0.25 + 0.75 * (now - self.opened) / WINDOW))) if opening else working
        if self.daily_limit and self.used_today >= self.budget.day.calls():
            return (self.buckets[0][0] + 145) * BUCKET - now + 0.01
        if len(self.slots) < share:
            return 0.0
        left = self.slots[len(self.slots) - share] - now
        return max(0.001, min(left, WINDOW / working) if opening else left)

    def _count(self, now: float, ended: float) -> None:
        self.slots.append(ended + WINDOW)
        self.peak = max(self.peak, len(self.slots))
        self.used_today += 1
        bucket = math.floor(now / BUCKET)
        if not self.buckets or self.buckets[-1][0] != bucket:
            self.buckets.append([bucket, 0])
        self.buckets[-1][1] += 1

    def _settings(self) -> dict[str, float]:
        return {"limit": self.limit, "daily_limit": self.daily_limit, "window_seconds": WINDOW}

    def _refused(self, kind: str, now: float) -> None:
        if self.learns:
            self.budget = budget.after_refusal(
                self.budget,
                quota=kind == "quota",
                used=len(self.slots) - 1,
                used_today=self.used_today - 1,
                now=now,
                **self._settings(),  # type: ignore[arg-type]
            )

    def _review(self, now: float) -> None:
        if now - self.reviewed >= WINDOW:
            if self.learns:
                self.budget = budget.after_quiet(
                    self.budget,
                    peak=self.peak,
                    used_today=self.used_today,
                    now=now,
                    **self._settings(),  # type: ignore[arg-type]
                )
            self.reviewed, self.peak = now, 0


@dataclass(frozen=True)
class Found:
    """From `since` to `until`, in seconds: share of what Spotify would have allowed, and 429s a day."""

    share: float
    refused_a_day: float
    most_in_a_day: int


def judge(caller: Caller, allowed: float, since: float, until: float) -> Found:
    """`allowed`: the calls that Spotify would have answered in that time."""
    answered = sum(since <= at < until for at in caller.answered)
    refused = [at for at, _ in caller.refused if since <= at < until]
    days = (until - since) / DAY
    by_day = [sum(since + d * DAY <= at < since + (d + 1) * DAY for at in refused) for d in range(math.ceil(days))]
    return Found(answered / allowed, len(refused) / days, max(by_day, default=0))


def window_case(hidden: int, *, setting: int = 90, learns: bool = True, days: float = 3) -> Found:
    """A window that does not change; judged from the first hour on."""
    caller = Caller(setting, 0, learns=learns)
    caller.run(Spotify(lambda now: hidden), days * DAY)
    since = 3600.0
    return judge(caller, hidden * (days * DAY - since) / WINDOW, since, days * DAY)


def changing_case(*, learns: bool = True) -> Found:
    """45, then 90, then 30: each for three days, judged from a day after each change on."""
    phases = (45, 90, 30)
    caller = Caller(90, 0, learns=learns)
    caller.run(Spotify(lambda now: phases[min(2, int(now // (3 * DAY)))]), 9 * DAY)
    parts = [
        judge(caller, hidden * 2 * DAY / WINDOW, (3 * i + 1) * DAY, (3 * i + 3) * DAY)
        for i, hidden in enumerate(phases)
    ]
    return Found(
        min(part.share for part in parts),
        max(part.refused_a_day for part in parts),
        max(part.most_in_a_day for part in parts),
    )


def day_case(hidden: int, *, setting: int = 5000, learns: bool = True, days: int = 30) -> Found:
    """A quota that does not change; judged from the fourth day on."""
    caller = Caller(120, setting, learns=learns)
    caller.run(Spotify(lambda now: 120, lambda now: hidden), days * DAY)
    return judge(caller, hidden * (days - 3), 3 * DAY, days * DAY)


def _row(what: str, case: Callable[[bool], Found]) -> Row:
    ours, rival = case(True), case(False)
    return Row(what, _text(ours), _text(rival), f"{ours.share / rival.share:.2f} x the calls" if rival.share else "")


def _text(found: Found) -> str:
    return f"{found.share:.1%} of it, {found.refused_a_day:.2f} 429s a day (at most {found.most_in_a_day})"


def measure() -> list[Row]:
    """Rivals believe the setting and obey `Retry-After`."""
    rows = [
        _row(
            f"hidden window of {hidden} in 30 s, setting 90",
            lambda learns, hidden=hidden: window_case(hidden, learns=learns),
        )
        for hidden in (20, 45, 90)
    ]
    rows.append(_row("hidden window that changes: 45, 90, 30", lambda learns: changing_case(learns=learns)))
    rows += [
        _row(
            f"hidden quota of {hidden} a day, setting 5,000",
            lambda learns, hidden=hidden: day_case(hidden, learns=learns),
        )
        for hidden in (1000, 1700, 2500, 4000)
    ]
    return rows
