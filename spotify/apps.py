from typing import Any

from django.apps import AppConfig


class SpotifyConfig(AppConfig):
    name = "spotify"
    verbose_name = "Spotify catalogue"

    def ready(self) -> None:
        from songranker import metrics, problems
        from spotify import checks, gauges
        from spotify.errors import SpotifyError
        from spotify.signals import lookups_changed

        problems.register(SpotifyError, _problem)
        metrics.register_gauges(gauges.budget)
        checks.install()
        lookups_changed.connect(_imports_go_on, dispatch_uid="spotify")


def _imports_go_on(kind: str, values: list[str], **_: Any) -> None:
    """A list or albums are here, or some of a list: imports that wait for it go on."""
    from spotify import tasks
    from spotify.models import Import

    for import_id in Import.objects.waiting_for(kind, values).values_list("pk", flat=True):
        tasks.publish_advance(import_id)


def _problem(error: Any) -> Any:
    """A SpotifyError's problem document."""
    from songranker.problems import Problem

    return Problem(error.code, error.detail, retry_after=getattr(error, "retry_after", None))
