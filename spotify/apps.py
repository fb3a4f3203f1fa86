from typing import Any

from django.apps import AppConfig


class SpotifyConfig(AppConfig):
    name = "spotify"
    verbose_name = "Spotify catalogue"

    def ready(self) -> None:
        from songranker import metrics, problems
        from spotify import checks, gauges
        from spotify.errors import SpotifyError
        from spotify.signals import lookup_grew, lookup_settled

        problems.register(SpotifyError, _problem)
        metrics.register_gauges(gauges.budget)
        checks.install()
        for signal in (lookup_settled, lookup_grew):
            signal.connect(_imports_go_on, dispatch_uid="spotify")


def _imports_go_on(lookup: Any, **_: Any) -> None:
    """A list or an album is here, or some of a list: imports that wait for it go on."""
    from spotify import tasks
    from spotify.models import Import

    for import_id in Import.objects.waiting_for(lookup.kind, lookup.value).values_list("pk", flat=True):
        tasks.publish_advance(import_id)


def _problem(error: Any) -> Any:
    """A SpotifyError's problem document."""
    from songranker.problems import Problem

    return Problem(error.code, error.detail, retry_after=getattr(error, "retry_after", None))
