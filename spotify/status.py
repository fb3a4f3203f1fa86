"""How the way to Spotify is doing: what the staff page, `spotify_status` and the alarms show."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from songranker import heartbeat
from songranker.heartbeat import Beat
from songranker.redis import queue_ages, queue_lengths
from spotify import gateway, work
from spotify.budget import Level
from spotify.models import Lookup
from spotify.throttle import Usage

# What each alarm means, by the name that it has in `songranker_alert{name}`.
ALARMS = {
    "spotify_queue_length": "More than SPOTIFY_QUEUE_ALERT messages wait for the Spotify worker.",
    "spotify_quota_pause": "Spotify's quota is used up: hours without a call.",
    "spotify_refused": "Spotify does not accept our credentials or our account: no call is made.",
    "spotify_second_worker": "More than one Spotify worker is alive. That is safe: they share one budget.",
    "spotify_no_worker": "No Spotify worker is alive: nothing new is fetched.",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One of the two rolling limits. `setting` and `limit` are 0 where there is none."""

    name: str
    used: int
    limit: int  # now: the setting, or what was found to be allowed
    setting: int
    refused_above: int | None  # more than this was refused once

    @property
    def left(self) -> int | None:
        return max(0, self.limit - self.used) if self.limit else None

    @property
    def share(self) -> float:
        return min(1.0, self.used / self.limit) if self.limit else 0.0


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    waiting: int
    oldest_seconds: float  # 0 where nothing waits


@dataclass(frozen=True, slots=True)
class Failed:
    """A question that ended badly, or waits because it met a pause."""

    at: datetime
    what: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Status:
    """One look at everything."""

    window: Limit
    day: Limit
    pause_seconds: float
    pause_kind: str  # "", "window", "quota", "outage" or "hand"
    refused: str  # why Spotify refuses us; "" where it does not
    refused_seconds: float
    by_ten_minutes: list[tuple[datetime, int]] = field(default_factory=list)  # calls, the oldest first
    queues: list[Queue] = field(default_factory=list)
    workers: list[Beat] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)  # names of `ALARMS`
    errors: list[Failed] = field(default_factory=list)

    @property
    def limits(self) -> tuple[Limit, Limit]:
        return self.window, self.day

    @property
    def stopped(self) -> bool:
        """Is there something that `gateway.resume` would lift?"""
        return bool(self.pause_seconds or self.refused)

    def as_json(self) -> dict[str, Any]:
        """For `spotify_status --json`: names stay as they are, more may come."""
        return {
            "budget": {
                "used": self.window.used,
                "limit": self.window.limit,
                "setting": self.window.setting,
                "refused_above": self.window.refused_above,
                "left": self.window.left,
                "used_today": self.day.used,
                "daily_limit": self.day.limit,
                "daily_setting": self.day.setting,
                "daily_refused_above": self.day.refused_above,
                "left_today": self.day.left,
            },
            "pause": {"seconds": self.pause_seconds, "kind": self.pause_kind},
            "refused": {"why": self.refused, "seconds": self.refused_seconds},
            "queues": {queue.name: queue.waiting for queue in self.queues},
            "oldest_seconds": {queue.name: queue.oldest_seconds for queue in self.queues},
            "workers": [
                {
                    "queue": beat.queue,
                    "name": beat.name,
                    "pid": beat.pid,
                    "age_seconds": round(beat.age_seconds, 1),
                    "state": "alive" if beat.alive else "dead",
                }
                for beat in self.workers
            ],
            "alarms": self.alarms,
            "errors": [asdict(error) for error in self.errors],
        }


def collect() -> Status:
    """One look at everything. Raises redis' errors where Redis cannot be asked."""
    throttle = gateway.throttle()
    usage, known = throttle.look(), throttle.known_budget()
    refused, refused_seconds = work.tokens().refusal()
    lengths, beats = queue_lengths(), heartbeat.read()
    return Status(
        window=Limit("window", usage.used, usage.limit, throttle.limit, _ceiling(known.window)),
        day=Limit("24 hours", usage.used_today, usage.daily_limit, throttle.daily_limit, _ceiling(known.day)),
        pause_seconds=usage.pause_seconds,
        pause_kind=usage.pause_kind,
        refused=refused,
        refused_seconds=refused_seconds,
        by_ten_minutes=throttle.by_ten_minutes(),
        queues=[Queue(name, lengths[name], age) for name, age in queue_ages().items()],
        workers=beats,
        alarms=[name for name, rings in alarms(usage, refused, lengths["spotify"], beats).items() if rings],
        errors=last_errors(),
    )


def _ceiling(level: Level) -> int | None:
    return None if level.ceiling is None else int(level.ceiling)


def alarms(usage: Usage, refused: str, queued: int, beats: Iterable[Beat]) -> dict[str, bool]:
    """Which of `ALARMS` ring."""
    workers = sum(beat.alive and beat.queue == "spotify" for beat in beats)
    return {
        "spotify_queue_length": queued > settings.SPOTIFY_QUEUE_ALERT,
        "spotify_quota_pause": usage.pause_kind == "quota",
        "spotify_refused": bool(refused),
        "spotify_second_worker": workers > 1,
        "spotify_no_worker": workers == 0,
    }


def last_errors(most: int = 10) -> list[Failed]:
    """The latest questions that went wrong, from the database."""
    rows = Lookup.objects.exclude(error_code="").exclude(started_at=None).order_by("-started_at")[:most]
    return [Failed(row.started_at or timezone.now(), str(row), row.error_code, row.error_detail) for row in rows]
