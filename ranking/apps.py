from typing import Any

from django.apps import AppConfig


class RankingConfig(AppConfig):
    name = "ranking"

    def ready(self) -> None:
        from ranking.errors import RankingError
        from songranker import problems
        from spotify.signals import import_changed, lookups_changed

        problems.register(RankingError, _problem)
        lookups_changed.connect(_catalogue_grew, dispatch_uid="ranking")
        import_changed.connect(_import_changed, dispatch_uid="ranking")


def _problem(error: Any) -> Any:
    """A RankingError's problem document."""
    from ranking.errors import Invalid
    from songranker.problems import FieldError, Problem

    if isinstance(error, Invalid):
        detail = f"{error.field}: {error.detail}"
        return Problem("invalid", detail, (FieldError(error.field, error.rule, error.detail),))
    headers = {"WWW-Authenticate": "Session"} if error.code == "unauthorized" else {}
    return Problem(error.code, error.detail, retry_after=error.retry_after, headers=headers)


def _catalogue_grew(kind: str, values: list[str], **_: Any) -> None:
    """Albums, tracks, some of a playlist or what a search found are here: sessions that wait for them go on."""
    from ranking import tasks
    from ranking.models import Match, Session

    if kind == "track_search":
        for session_id in Match.objects.sessions_waiting_for(values):
            tasks.publish(tasks.match, session_id)
    source = {"album_tracks": "album", "track": "track", "playlist_tracks": "playlist"}.get(kind)
    if source:
        tasks.publish_collect(Session.objects.waiting_for(source, values))


def _import_changed(import_: Any, **_: Any) -> None:
    """An import has other albums than before, or has ended: the sessions that it feeds go on."""
    from ranking import tasks
    from ranking.models import Session

    tasks.publish_collect(Session.objects.collecting().filter(feed=import_))
