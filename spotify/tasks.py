"""The tasks of the `spotify` queue, and the sweeper that runs on `default`: load, call one function, save."""

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from spotify import fetching, gateway
from spotify.models import Lookup

_log = logging.getLogger(__name__)


@shared_task(name="spotify.fetch", bind=True, ignore_result=False)
def fetch(self: Any, /, lookup_id: str, **unknown: Any) -> str:
    """Answer one question. Safe to run twice and to be killed anywhere: a second run finds the row done or in work.

    It never retries by itself: the client retries requests, the sweeper gives back what a pause interrupted.
    """
    if unknown:
        _log.info("spotify.fetch: ignoring unknown arguments %s", sorted(unknown))  # a newer web sent them
    redelivered = bool((self.request.delivery_info or {}).get("redelivered"))
    lookup = Lookup.objects.start(
        pk=lookup_id, task_id=self.request.id, now=timezone.now(), lease=gateway.LEASE, redelivered=redelivered
    )
    return fetching.run(lookup) if lookup else "already done"


@shared_task(name="spotify.sweep")
def sweep(**unknown: Any) -> int:
    """Publish what was lost or given back. Idempotent: each row is taken once, by an update that checks its state."""
    return fetching.sweep(timezone.now())
