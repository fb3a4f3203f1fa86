"""The shared limiter: a rolling window, a rolling day and a global pause, for all workers together.

What it guarantees: with any number of workers, in no window do more than `limit` calls *arrive* at Spotify. Arrivals are
not seen from here, so a slot is free again one window after its call *ended*, or could last have ended if its worker
died. That costs latency over window of the budget, and nothing else. Where Redis cannot be asked, no call is made.

What it does not: it knows nothing of calls that other programs make with the same credentials, and an emptied Redis
forgets the window and the day.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path

import redis

_SCRIPT = (Path(__file__).parent / "throttle.lua").read_text()
# A call has ended: from now on one window. Nothing where the slot is gone (Redis was emptied).
_RELEASE = """
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[2], ARGV[1])
"""
# A later, smaller pause never shortens an earlier, longer one.
_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) and redis.call('PTTL', KEYS[1]) ~= -1 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
"""


@dataclass(frozen=True, slots=True)
class Granted:
    """Send the call now, then `release(call)` when it has ended."""

    call: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The window is full; ask again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Closed:
    """No calls for longer: `reason` is "paused" or "spent"."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """The state of the budget at one moment."""

    used: int
    limit: int
    used_today: int
    daily_limit: int
    pause_seconds: float
    pause_kind: str  # "", "window" or "quota" ("hand" where somebody else set it)
    spent_seconds: float  # until the day has a call left; 0 where it has


class Throttle:
    """Asks and counts in one Lua script. All state is in Redis."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        limit: int,
        window_seconds: float,
        call_seconds: float,
        daily_limit: int,
        pause_key: str,
        prefix: str = "spotify:throttle",
    ) -> None:
        self._redis = client
        self.limit = limit
        self.daily_limit = daily_limit
        self.window_ms = int(window_seconds * 1000)
        self.call_ms = int(call_seconds * 1000)
        self.pause_key = pause_key
        self.window_key = f"{prefix}:window"
        self.day_key = f"{prefix}:day"
        self._script = client.register_script(_SCRIPT)
        self._release = client.register_script(_RELEASE)
        self._pause = client.register_script(_PAUSE)

    def _ask(self, call: str) -> tuple[str, int, int, int]:
        verdict, milliseconds, used, today = self._script(
            keys=[self.window_key, self.pause_key, self.day_key],
            args=[self.limit, self.window_ms, self.call_ms, self.daily_limit, call],
        )
        return str(verdict), int(milliseconds), int(used), int(today)

    def acquire(self) -> Granted | Wait | Closed:
        """Take a slot for one call, if there is one."""
        call = uuid.uuid4().hex
        verdict, milliseconds, _, _ = self._ask(call)
        if verdict == "granted":
            return Granted(call)
        if verdict == "wait":
            return Wait(milliseconds / 1000)
        return Closed(verdict, milliseconds / 1000)

    def release(self, granted: Granted) -> None:
        """The call has ended, well or badly."""
        self._release(keys=[self.window_key], args=[granted.call, self.window_ms])

    def look(self) -> Usage:
        """The state, without taking anything."""
        verdict, milliseconds, used, today = self._ask("")
        paused = verdict == "paused"
        kind = str(self._redis.get(self.pause_key) or "") if paused else ""
        return Usage(
            used=used,
            limit=self.limit,
            used_today=today,
            daily_limit=self.daily_limit,
            pause_seconds=milliseconds / 1000 if paused else 0.0,
            pause_kind=(kind if kind in ("window", "quota") else "hand") if paused else "",
            spent_seconds=milliseconds / 1000 if verdict == "spent" else 0.0,
        )

    def pause(self, seconds: float, kind: str) -> None:
        """Stop every worker before its next call; `kind` is "window" or "quota"."""
        self._pause(keys=[self.pause_key], args=[kind, max(1, int(seconds * 1000))])

    def resume(self) -> bool:
        """Lift the pause by hand; was there one?"""
        return bool(self._redis.delete(self.pause_key))
