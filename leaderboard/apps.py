from collections.abc import Iterator

from django.apps import AppConfig
from prometheus_client.core import GaugeMetricFamily, Metric


class LeaderboardConfig(AppConfig):
    name = "leaderboard"

    def ready(self) -> None:
        from songranker import metrics

        metrics.register_gauges(pending)


def pending() -> Iterator[Metric]:
    """What the next rebuild has to take in."""
    from ranking.models import BoardMark

    yield GaugeMetricFamily(
        "songranker_leaderboard_pending", "Changes that no board shows yet", value=BoardMark.objects.count()
    )
