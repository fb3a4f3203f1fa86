from typing import Any

from django.apps import AppConfig


class SpotifyConfig(AppConfig):
    name = "spotify"
    verbose_name = "Spotify catalogue"

    def ready(self) -> None:
        from songranker import metrics, problems
        from spotify import checks, gauges
        from spotify.errors import SpotifyError
        from spotify.signals import lookup_settled

        problems.register(SpotifyError, _problem)
        metrics.register_gauges(gauges.budget)
        checks.install()
        lookup_settled.connect(_imports_go_on, dispatch_uid="spotify")


def _imports_go_on(lookup: Any, **_: Any) -> None:
    """A list or an album was settled: imports that wait for it go on."""
    from spotify import tasks
    from spotify.models import Import

    if lookup.kind == "album_tracks":
        ids = set(Import.objects.waiting_for_album(lookup.value).values_list("pk", flat=True))
        ids |= set(Import.objects.active().filter(key=f"album:{lookup.value}").values_list("pk", flat=True))
    else:
        key = {"artist_albums": "artist", "albums_by_name": "name", "playlist_tracks": "playlist"}.get(lookup.kind)
        ids = set(Import.objects.active().filter(key=f"{key}:{lookup.value}").values_list("pk", flat=True))
    for import_id in ids:
        tasks.publish_advance(import_id)


def _problem(error: Any) -> Any:
    """A SpotifyError's problem document."""
    from songranker.problems import Problem

    return Problem(error.code, error.detail, retry_after=getattr(error, "retry_after", None))
