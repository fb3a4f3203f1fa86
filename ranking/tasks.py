"""The tasks of the `default` queue that are about sessions: load, call one function, save."""

import logging
from typing import Any

from celery import shared_task

from ranking import collecting, matching, scores
from ranking.models import Session
from ranking.querysets import SessionQuerySet
from songranker import waiting

_log = logging.getLogger(__name__)
SWEEP_AT_MOST = 100


def publish(task: Any, session_id: str) -> str | None:
    """Send a task about a session; its id, or None where the broker is away (the sweeper does it later)."""
    try:
        return str(task.apply_async(args=(session_id,)).id)
    except waiting.BROKER_ERRORS as error:
        _log.warning("%s for session %s has to wait: %s", task.name, session_id, type(error).__name__)
        return None


def publish_collect(sessions: SessionQuerySet) -> None:
    """Something has come for these sessions. One message is enough, however much comes before it is read: of twenty albums
    and a hundred sessions that wait for them would become two thousand."""
    for session_id in sessions.queue_collecting():
        if publish(collect, session_id) is None:
            return  # the sweeper goes on with all of them


@shared_task(name="ranking.collect", ignore_result=False)
def collect(session_id: str, **unknown: Any) -> str:
    """Bring a session's songs together. On retry it goes on where rows say that it was."""
    session = Session.objects.filter(pk=session_id).first()
    return collecting.collect(session, patient=True) if session else "gone"


@shared_task(name="ranking.match")
def match(session_id: str, **unknown: Any) -> int:
    """Match a session's pasted songs as far as searches have answered. On retry it goes on where rows say that it was."""
    session = Session.objects.filter(pk=session_id).first()
    return matching.match(session) if session else 0


@shared_task(name="ranking.refit", ignore_result=False)
def refit(session_id: str, **unknown: Any) -> int:
    """Fit a large session. A repeat finds the fit up to date and does nothing."""
    session = Session.objects.filter(pk=session_id).first()
    return scores.refit(session) if session else 0


@shared_task(name="ranking.sweep")
def sweep(**unknown: Any) -> int:
    """Go on with sessions that still collect, whatever became of their messages."""
    sessions = list(Session.objects.collecting()[:SWEEP_AT_MOST])
    for session in sessions:
        collecting.collect(session)
    for session in Session.objects.matching()[:SWEEP_AT_MOST]:
        matching.match(session)
    return len(sessions)
