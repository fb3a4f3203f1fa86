"""How many calls to allow: Spotify publishes no limit, so it is found. Pure arithmetic; `throttle.py` keeps the state.

Additive increase, multiplicative decrease (Chiu and Jain 1989), with the memory of the level that was refused, as in
TCP CUBIC (RFC 9438, 4.6): below that ceiling nothing is risked, so it is approached again within minutes and kept to.
A first refusal may have been a hiccup: it is tried anew soon. Once refused at the same level a second time, the limit
counts as found, and is tried anew only daily (the day's quota: monthly), so that one that was raised is found, too.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How one limit is sought. Shares are of the setting, times in seconds."""

    down: float  # what a refusal leaves of the limit
    settle: float  # where to begin again below a ceiling that was found
    margin: float  # share of the refused level that is left free
    step: float  # added in each quiet period
    period: float  # one quiet period
    first_trust: float  # how long a new ceiling is believed
    found_trust: float  # and once it was refused again
    floor: float = 0.1


def window_rules(window_seconds: float) -> Rules:
    """For the rolling window: a refusal costs seconds, so it may be sought boldly."""
    return Rules(0.7, 0.7, 0.02, 0.05, window_seconds, first_trust=20 * window_seconds, found_trust=DAY)


# For the rolling day: a refusal costs up to a day, so the ceiling is believed for a week and more.
DAY_RULES = Rules(0.7, 1.0, 0.03, 0.05, DAY, first_trust=7 * DAY, found_trust=28 * DAY)


@dataclass(frozen=True, slots=True)
class Level:
    """What is known of one limit. `limit` is the calls allowed now, in one window or one day."""

    limit: float
    ceiling: float | None = None  # more than this was refused
    retest_at: float = 0.0  # when it may be tried again, on Redis' clock, seconds

    def calls(self) -> int:
        """The limit as a number of calls, at least one."""
        return max(1, int(self.limit))


def refused(level: Level, used: int, now: float, setting: int, rules: Rules) -> Level:
    """A 429 came when `used` calls, this one not counted, lay in the window or the day.

    Where they were few, others' calls or a hiccup refused us, and nothing is learned but caution.
    """
    floor = max(1.0, rules.floor * setting)
    if used < level.limit / 2:
        return replace(level, limit=max(floor, level.limit * rules.down))
    ceiling = max(floor, used - max(1.0, rules.margin * used))
    same = level.ceiling is not None and abs(ceiling - level.ceiling) <= max(1.0, 0.1 * level.ceiling)
    trust = rules.found_trust if same else rules.first_trust
    return Level(max(floor, ceiling * rules.settle), ceiling, now + trust)


def quiet(level: Level, peak: int, now: float, setting: int, rules: Rules) -> Level:
    """A period without a 429 has passed, in which at most `peak` calls were in the window or the day at once."""
    step = max(1.0, rules.step * setting)
    full = peak >= level.calls()
    if level.ceiling is None:
        return replace(level, limit=min(setting, level.limit + step))
    if level.limit < level.ceiling:
        return replace(level, limit=min(setting, level.ceiling, level.limit + step))
    if full and level.limit > level.ceiling:  # more than was refused went well: the limit has changed
        return Level(min(setting, level.limit + step))
    if full and now >= level.retest_at:
        return replace(level, limit=min(setting, level.limit + step))
    return replace(level, limit=min(setting, level.limit))


@dataclass(frozen=True, slots=True)
class Budget:
    """Both limits, and since when they have been quiet (Redis' clock, seconds)."""

    window: Level
    day: Level
    window_since: float
    day_since: float
    window_setting: int
    day_setting: int

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, for Redis and for the database."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Budget":
        """Raises TypeError or KeyError for what is not one of ours."""
        return cls(
            Level(**data["window"]),
            Level(**data["day"]),
            data["window_since"],
            data["day_since"],
            data["window_setting"],
            data["day_setting"],
        )


def fresh(limit: int, daily_limit: int, now: float) -> Budget:
    """Nothing is known yet: the settings are believed."""
    return Budget(Level(limit), Level(daily_limit), now, now, limit, daily_limit)


def with_settings(budget: Budget, limit: int, daily_limit: int) -> Budget:
    """The budget under settings that the operator may have changed: what was refused stays refused."""
    return replace(
        budget,
        window=budget.window if budget.window_setting == limit else _reset(budget.window, limit),
        day=budget.day if budget.day_setting == daily_limit else _reset(budget.day, daily_limit),
        window_setting=limit,
        day_setting=daily_limit,
    )


def _reset(level: Level, setting: int) -> Level:
    return replace(level, limit=setting if level.ceiling is None else min(setting, level.ceiling))


def after_refusal(
    budget: Budget,
    *,
    quota: bool,
    used: int,
    used_today: int,
    now: float,
    limit: int,
    daily_limit: int,
    window_seconds: float,
) -> Budget:
    """The budget after a 429: of the day's quota, or of the window. A daily limit of 0 is none, and none is learned."""
    if not quota:
        level = refused(budget.window, used, now, limit, window_rules(window_seconds))
        return replace(budget, window=level, window_since=now)
    if not daily_limit:
        return budget
    return replace(budget, day=refused(budget.day, used_today, now, daily_limit, DAY_RULES), day_since=now)


def after_quiet(
    budget: Budget,
    *,
    peak: int,
    used_today: int,
    now: float,
    limit: int,
    daily_limit: int,
    window_seconds: float,
) -> Budget:
    """The budget once more time has passed; unchanged where no whole period was quiet."""
    if now - budget.window_since >= window_seconds:
        level = quiet(budget.window, peak, now, limit, window_rules(window_seconds))
        budget = replace(budget, window=level, window_since=now)
    if daily_limit and now - budget.day_since >= DAY_RULES.period:
        budget = replace(budget, day=quiet(budget.day, used_today, now, daily_limit, DAY_RULES), day_since=now)
    return budget
