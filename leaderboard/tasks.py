"""The tasks of the `leaderboard` queue: load, call one function, save."""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from leaderboard import standings


@shared_task(name="leaderboard.rebuild_changed")
def rebuild_changed(**unknown: Any) -> int:
    """Send a task for each board that changed. Two beats, or a late one, only rebuild a board twice."""
    changed = standings.changed()
    for artist_id in changed:
        rebuild.apply_async(args=(artist_id,), expires=settings.LEADERBOARD_REBUILD_SECONDS)
    return len(changed)


@shared_task(name="leaderboard.rebuild", ignore_result=False)
def rebuild(artist_id: str, **unknown: Any) -> int:
    """Rebuild one board; the number of its votes. Killed anywhere, its marks are still there for the next time."""
    board = standings.rebuild(artist_id, timezone.now())
    return board.votes if board else 0
