"""The shared limiter: a rolling window, a rolling day and a global pause, for all workers together.

What it guarantees: with any number of workers, in no window do more than `limit` calls *arrive* at Spotify. Arrivals are
not seen from here, so a slot is free again one window after its call *ended*, or could last have ended if its worker
died. That costs latency over window of the budget, and nothing else. Where Redis cannot be asked, no call is made.

All state is in Redis and changes in Lua scripts (`lua/`), on Redis' clock. What must not be forgotten when Redis is
emptied is written to a `Memory` (the database) every second or so, and put back by whoever comes first; a worker that
lives adds the calls that it has made since.

What it does not know: calls that other programs make with the same credentials.
"""

import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import redis

from spotify import budget
from spotify.budget import Budget

_LUA = Path(__file__).parent / "lua"
# So many failures in a row, in a minute, open the breaker: then one call every `BREAKER_SECONDS` tries.
BREAKER_FAILURES = 10
BREAKER_SECONDS = 30
REMEMBER_SECONDS = 1.0
# The budget is changed only where nobody else changed it meanwhile.
_REVIEW = """
if redis.call('HGET', KEYS[1], 'budget') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'budget', ARGV[2], 'limit', ARGV[3], 'daily', ARGV[4], 'reviewed_at', ARGV[5], 'peak', 0)
return 1
"""

Outcome = Literal["answered", "refused", "failed"]
Kind = Literal["window", "quota"]


@dataclass(frozen=True, slots=True)
class Granted:
    """Send the call now, then `release` it when it has ended."""

    call: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: ask again, under the same name, after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Closed:
    """No calls for longer: `reason` is "window", "quota", "outage" or "hand" for a pause, "spent" for the day."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """The state of the budget at one moment."""

    used: int
    limit: int  # now: the setting, or what was found to be allowed
    used_today: int
    daily_limit: int
    pause_seconds: float
    pause_kind: str  # "", "window", "quota" or "outage" ("hand" where somebody else set it)
    spent_seconds: float  # until the day has a call left; 0 where it has


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an emptied Redis must not make us forget. Times in milliseconds of Redis' clock."""

    slots: dict[str, int] = field(default_factory=dict)  # call -> when its slot is free
    day: dict[str, int] = field(default_factory=dict)  # bucket of ten minutes -> calls
    pause_until: int = 0
    pause_kind: str = ""
    budget: dict[str, Any] | None = None


class Memory(Protocol):
    """Keeps one snapshot where Redis' loss does not reach."""

    def load(self) -> Snapshot: ...

    def save(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A caller's place in the order: bulk work leaves a fifth to people; a handicap is so many seconds later."""

    bulk: bool = False
    handicap_seconds: float = 0.0


PERSON = Place()


@dataclass(frozen=True, slots=True)
class _Answer:
    verdict: str
    milliseconds: int
    used: int
    today: int
    limit: int
    daily: int
    epoch: str
    kind: str
    now: int
    due: bool


class Throttle:
    """One for each process: it remembers the calls that this process has made, until their slots are free."""

    def __init__(
        self,
        client: redis.Redis,
        memory: Memory,
        *,
        limit: int,
        window_seconds: float,
        call_seconds: float,
        daily_limit: int,
        pause_key: str,
        prefix: str = "spotify:throttle",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._memory = memory
        self.limit = limit
        self.daily_limit = daily_limit
        self.window_seconds = window_seconds
        self.window_ms = int(window_seconds * 1000)
        self.call_ms = int(call_seconds * 1000)
        self.pause_key = pause_key
        self.window_key = f"{prefix}:window"
        self.day_key = f"{prefix}:day"
        self.state_key = f"{prefix}:state"
        self.waiting_key = f"{prefix}:waiting"
        self._acquire, self._release, self._pause, self._restore = (
            client.register_script((_LUA / f"{name}.lua").read_text())
            for name in ("acquire", "release", "pause", "restore")
        )
        self._review = client.register_script(_REVIEW)
        self._epoch = self._told = ""
        self._recent: dict[str, int] = {}
        self._clock = clock
        self._remembered_at = 0.0

    # --- calls ---

    def acquire(self, call: str, place: Place = PERSON) -> Granted | Wait | Closed:
        """Take a slot for one call, if it is its turn. `call` is any unique name; the same one while it waits."""
        answer = self._ask(call, place)
        if answer.verdict == "granted":
            self._recent[call] = answer.now + self.call_ms + self.window_ms
            if answer.due:
                self._review_budget(answer)
            return Granted(call)
        if answer.verdict == "wait":
            return Wait(answer.milliseconds / 1000)
        return Closed(_reason(answer), answer.milliseconds / 1000)

    def release(self, granted: Granted, outcome: Outcome) -> bool:
        """The call has ended: answered (whatever the answer), refused (429) or failed (5xx, network).

        Returns whether this failure was one too many, and all calls now pause (kind "outage").
        """
        try:
            now, opened = self._release(
                keys=[self.window_key, self.pause_key, self.state_key],
                args=[granted.call, self.window_ms, outcome, BREAKER_FAILURES, BREAKER_SECONDS * 1000],
            )
        except (redis.ConnectionError, redis.TimeoutError):
            # An answer that is here must not be lost by that. The slot stays held for as long as a call can take, and
            # this process adds it again to a Redis that comes back empty.
            return False
        self._recent[granted.call] = int(now) + self.window_ms
        self._recent = {call: free_at for call, free_at in self._recent.items() if free_at > int(now)}
        return bool(opened)

    def pause(self, granted: Granted, retry_after: float | None, kind: Kind) -> float:
        """A 429: stop every worker before its next call, and lower the budget; call it before `release`.

        `retry_after` is what Spotify said, None where that was missing or absurd. Returns the seconds that are left of
        the pause, which is never shortened by a later, smaller one.
        """
        jitter = random.random() * 0.05 if kind == "quota" else 0.0  # noqa: S311  (not for secrets)
        said = -1 if retry_after is None else int(retry_after * 1000)
        left = int(self._pause(keys=[self.pause_key, self.state_key], args=[kind, said, granted.call, f"{jitter:.4f}"]))
        self._learn(granted, quota=kind == "quota")
        self.remember(force=True)
        return left / 1000 if left > 0 else 60.0

    def resume(self) -> bool:
        """Lift the pause by hand; was there one? One call still probes before the rest follow."""
        lifted = bool(self._redis.delete(self.pause_key))
        self.remember(force=True)
        return lifted

    def look(self, place: Place = PERSON) -> Usage:
        """The state, without taking anything."""
        return self.usage(self._ask("", place))

    @staticmethod
    def usage(answer: _Answer) -> Usage:
        paused = answer.verdict == "paused"
        return Usage(
            used=answer.used,
            limit=answer.limit,
            used_today=answer.today,
            daily_limit=answer.daily,
            pause_seconds=answer.milliseconds / 1000 if paused else 0.0,
            pause_kind=_reason(answer) if paused else "",
            spent_seconds=answer.milliseconds / 1000 if answer.verdict == "spent" else 0.0,
        )

    def _ask(self, call: str, place: Place) -> _Answer:
        for _ in range(4):
            if call and self._told != self._epoch:
                self._tell_settings()
            answer = self._ask_once(call, place)
            if answer.verdict == "lost":
                self._put_back()
            elif answer.verdict == "changed":
                self._begin_epoch(answer)
            else:
                return answer
        raise redis.ConnectionError("Redis is emptied again and again")

    def _begin_epoch(self, answer: _Answer) -> None:
        """This process is new, or Redis was emptied and somebody has put back what the database knew.

        Adds what this process has called since then.
        """
        mine = {name: free_at for name, free_at in self._recent.items() if free_at > answer.now}
        if mine:
            self._redis.zadd(self.window_key, mine)
            self._redis.pexpire(self.window_key, max(mine.values()) - answer.now + 1000)
        self._epoch = answer.epoch

    def _tell_settings(self) -> None:
        """What the settings say now. Told by who calls, not by who only looks: that may be a shell with others."""
        text, known = self._read_budget()
        changed = budget.with_settings(known, self.limit, self.daily_limit)
        if changed != known:
            self._write_budget(text, changed, self._now_ms())
        self._told = self._epoch

    def _ask_once(self, call: str, place: Place) -> _Answer:
        raw = self._acquire(
            keys=[self.window_key, self.pause_key, self.day_key, self.state_key, self.waiting_key],
            args=[
                self.limit,
                self.window_ms,
                self.call_ms,
                self.daily_limit,
                call,
                int(place.bulk),
                int(place.handicap_seconds * 1000),
                self._epoch,
            ],
        )
        verdict, milliseconds, used, today, limit, daily, epoch, kind, now, due = raw
        return _Answer(
            verdict=str(verdict),
            milliseconds=int(milliseconds),
            used=int(used),
            today=int(today),
            limit=int(limit),
            daily=int(daily),
            epoch=str(epoch),
            kind=str(kind),
            now=int(now),
            due=bool(due),
        )

    # --- the budget ---

    def known_budget(self) -> Budget:
        """What has been found of Spotify's limits so far."""
        return self._read_budget()[1]

    def by_ten_minutes(self) -> list[tuple[datetime, int]]:
        """The calls of the rolling day in buckets of ten minutes, by their beginning; empty ones are left out."""
        calls: dict[str, str] = self._redis.hgetall(self.day_key)  # type: ignore[assignment]  # decode_responses is on
        return [(datetime.fromtimestamp(int(at) * 600, UTC), int(calls[at])) for at in sorted(calls, key=int)]

    def _read_budget(self) -> tuple[str, Budget]:
        text = str(self._redis.hget(self.state_key, "budget") or "")
        try:
            return text, Budget.from_json(json.loads(text))
        except (ValueError, TypeError, KeyError):
            return text, budget.fresh(self.limit, self.daily_limit, self._now_ms() / 1000)

    def _now_ms(self) -> int:
        seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def _learn(self, granted: Granted, *, quota: bool) -> None:
        for _ in range(5):
            text, known = self._read_budget()
            answer = self._ask_once("", PERSON)
            # The refused call holds a slot of its own.
            used = answer.used - int(self._redis.zscore(self.window_key, granted.call) is not None)
            now = answer.now / 1000
            changed = budget.after_refusal(
                known, quota=quota, used=used, used_today=answer.today - 1, now=now, **self._settings()
            )
            if self._write_budget(text, changed, answer.now):
                return

    def _review_budget(self, answer: _Answer) -> None:
        """A window has passed since the last look: raise what may be raised. Who loses a race need not repeat it."""
        text, known = self._read_budget()
        peak = int(self._redis.hget(self.state_key, "peak") or 0)
        now = answer.now / 1000
        changed = budget.after_quiet(known, peak=peak, used_today=answer.today, now=now, **self._settings())
        self._write_budget(text, changed, answer.now)

    def _settings(self) -> dict[str, Any]:
        return {"limit": self.limit, "daily_limit": self.daily_limit, "window_seconds": self.window_seconds}

    def _write_budget(self, seen: str, changed: Budget, now_ms: int) -> bool:
        text = json.dumps(changed.as_json())
        args: list[str | int] = [seen, text, changed.window.calls(), changed.day.calls(), now_ms]
        return bool(self._review(keys=[self.state_key], args=args))

    # --- what survives an emptied Redis ---

    def remember(self, *, force: bool = False) -> None:
        """Write what must survive to the memory, at most once a second unless forced."""
        if not force and self._clock() - self._remembered_at < REMEMBER_SECONDS:
            return
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(self.state_key, ["epoch", "budget"])
        pipe.zrange(self.window_key, 0, -1, withscores=True)
        pipe.hgetall(self.day_key)
        pipe.pttl(self.pause_key)
        pipe.get(self.pause_key)
        (epoch, known), slots, day, left, kind = pipe.execute()
        if not epoch:  # emptied meanwhile: what is there now is less than what the memory holds
            return
        self._memory.save(
            Snapshot(
                slots={str(call): int(free_at) for call, free_at in slots},
                day={str(bucket): int(calls) for bucket, calls in day.items()},
                pause_until=self._now_ms() + left if left > 0 else 0,
                pause_kind=str(kind or ""),
                budget=json.loads(known) if known else None,
            )
        )
        self._remembered_at = self._clock()

    def _put_back(self) -> None:
        kept = self._memory.load()
        try:
            known = Budget.from_json(kept.budget or {})
        except (TypeError, KeyError):
            known = budget.fresh(self.limit, self.daily_limit, self._now_ms() / 1000)
        slots: list[str | int] = [part for call, free_at in kept.slots.items() for part in (call, free_at)]
        days: list[str | int] = [part for bucket, calls in kept.day.items() for part in (bucket, calls)]
        first: list[str | int] = [
            uuid.uuid4().hex,
            json.dumps(known.as_json()),
            known.window.calls(),
            known.day.calls(),
            kept.pause_until,
            kept.pause_kind,
            len(kept.slots),
        ]
        self._restore(
            keys=[self.window_key, self.pause_key, self.day_key, self.state_key],
            args=[*first, *slots, *days],
        )


def _reason(answer: _Answer) -> str:
    if answer.verdict == "spent":
        return "spent"
    return answer.kind if answer.kind in ("window", "quota", "outage") else "hand"
