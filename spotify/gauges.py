"""The budget, as Prometheus sees it."""

from collections.abc import Iterator

from songranker.metrics import Gauge, one_gauge
from spotify import gateway


def budget() -> Iterator[Gauge]:
    """Window, day and pause, read at the scrape."""
    usage = gateway.throttle().look()
    for name, text, value in (
        ("budget_limit", "Most calls in any rolling window", usage.limit),
        ("budget_used", "Calls that hold a slot of the window now", usage.used),
        ("daily_limit", "Most calls in any rolling 24 hours; 0: none", usage.daily_limit),
        ("daily_used", "Calls in the last 24 hours", usage.used_today),
        ("pause_seconds", "Seconds left of the global pause", usage.pause_seconds),
    ):
        yield one_gauge(f"spotify_{name}", text, value)
