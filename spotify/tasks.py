"""The tasks of the `spotify` queue, and the sweeper that runs on `default`: load, call one function, save."""

import logging
from typing import Any

from celery import shared_task
from celery.exceptions import Ignore
from celery.signals import task_postrun
from django.db import DatabaseError
from django.utils import timezone

from songranker import waiting
from songranker.redis import Unreachable
from spotify import fetching, gateway, imports
from spotify.errors import MadeWay
from spotify.models import Import, Lookup

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
    if lookup is None:
        return "already done"
    try:
        return fetching.run(lookup)
    except MadeWay:
        raise Ignore from None  # no result: whoever waits for this task goes on waiting


@shared_task(name="spotify.sweep")
def sweep(**unknown: Any) -> int:
    """Publish what was lost or given back, and go on with imports. Idempotent: each row is taken once, by an update that
    checks its state."""
    published = fetching.sweep(timezone.now())
    imports.sweep(timezone.now())
    return published


@shared_task(name="spotify.advance_import")
def advance_import(import_id: str, **unknown: Any) -> str:
    """Bring an import on after one of its albums was settled. Safe to run twice and late; the sweeper does the same."""
    made = Import.objects.filter(pk=import_id).first()
    return imports.advance(made) if made else "gone"


def publish_advance(import_id: Any) -> None:
    """Send `advance_import`; where the broker is away, the sweeper goes on."""
    try:
        advance_import.apply_async(args=(str(import_id),), priority=0)  # quick, and the worker waits for it
    except waiting.BROKER_ERRORS as error:
        _log.warning("import %s waits for the sweeper: %s", import_id, type(error).__name__)


@task_postrun.connect(sender=fetch)
def _remember(**_: Any) -> None:
    """What an emptied Redis must not make us forget. Here, because by now whoever waits has been woken."""
    try:
        gateway.throttle().remember()
    except (*Unreachable, DatabaseError) as error:
        _log.warning("the throttle's state was not saved: %s", type(error).__name__)
