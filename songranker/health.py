"""`/health/live` and `/health/ready`: for load balancers and for people at night. They say nothing secret."""

import logging
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from songranker import heartbeat
from songranker.redis import QUEUES, Unreachable
from songranker.redis import connection as redis_connection

_log = logging.getLogger(__name__)


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; touches nothing else."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 where the whole main job can be done now, else 503 and which part is missing."""
    checks = all_checks()
    parts = [checks["database"], checks["redis"], checks["beat"], *checks["workers"].values()]
    good = all(part == "ok" for part in parts)
    answer = JsonResponse({"status": "ok" if good else "unavailable", "checks": checks}, status=200 if good else 503)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # Django's: a probe's 503 is an answer, not an error
    return answer


def all_checks() -> dict[str, Any]:
    """Each part: "ok" or "down"."""
    redis_up, living = _redis_and_workers()
    return {
        "database": _word(_database_answers()),
        "redis": _word(redis_up),
        "workers": {queue: _word(living.get(queue, False)) for queue in QUEUES},
        "beat": _word(living.get("beat", False)),
    }


def _word(good: bool) -> str:
    return "ok" if good else "down"


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        _log.warning("the database does not answer", exc_info=True)
        return False
    return True


def _redis_and_workers() -> tuple[bool, dict[str, bool]]:
    try:
        redis_connection().ping()
        return True, heartbeat.alive(heartbeat.read())
    except Unreachable:
        return False, {}
