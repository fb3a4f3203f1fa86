from collections.abc import Iterator

from django.apps import AppConfig

from songranker.metrics import Gauge, one_gauge


class LeaderboardConfig(AppConfig):
    name = "leaderboard"

    def ready(self) -> None:
        from songranker import metrics

        metrics.register_gauges(pending)


def pending() -> Iterator[Gauge]:
    """What the next rebuild has to take in."""
    from ranking.models import BoardMark

    yield one_gauge("leaderboard_pending", "Changes that no board shows yet", BoardMark.objects.count())
