from typing import Any

from django.apps import AppConfig


class SpotifyConfig(AppConfig):
    name = "spotify"
    verbose_name = "Spotify catalogue"

    def ready(self) -> None:
        from songranker import metrics, problems
        from spotify import checks, gauges
        from spotify.errors import SpotifyError

        problems.register(SpotifyError, _problem)
        metrics.register_gauges(gauges.budget)
        checks.install()


def _problem(error: Any) -> Any:
    """A SpotifyError's problem document."""
    from songranker.problems import Problem

    return Problem(error.code, error.detail, retry_after=getattr(error, "retry_after", None))
