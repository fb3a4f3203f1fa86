"""The budget and the alarms, as Prometheus sees them."""

from collections.abc import Iterator

from songranker import heartbeat
from songranker.metrics import Gauge, one_gauge
from songranker.redis import queue_length
from spotify import gateway, status, work
from spotify.models import Import


def budget() -> Iterator[Gauge]:
    """Window, day, pause and alarms, read at the scrape."""
    throttle = gateway.throttle()
    usage = throttle.look()
    refused, _ = work.tokens().refusal()
    for name, text, value in (
        ("budget_limit", "Most calls in any rolling window, as far as it is known now", usage.limit),
        ("budget_setting", "SPOTIFY_RATE_LIMIT", throttle.limit),
        ("budget_used", "Calls that hold a slot of the window now", usage.used),
        ("daily_limit", "Most calls in any rolling 24 hours, as far as it is known now; 0: none", usage.daily_limit),
        ("daily_setting", "SPOTIFY_DAILY_LIMIT", throttle.daily_limit),
        ("daily_used", "Calls in the last 24 hours", usage.used_today),
        ("pause_seconds", "Seconds left of the global pause", usage.pause_seconds),
    ):
        yield one_gauge(f"spotify_{name}", text, value)
    counts: dict[tuple[str, ...], float] = {(state.value,): 0.0 for state in Import.ACTIVE}
    counts |= {(state,): float(n) for state, n in Import.objects.count_active()}
    yield Gauge("imports", "Imports that have not ended", counts, ("state",))
    rings = status.alarms(usage, refused, queue_length("spotify"), heartbeat.read())
    values: dict[tuple[str, ...], float] = {(name,): float(on) for name, on in rings.items()}
    yield Gauge("alert", "1 where somebody should look", values, ("name",))
