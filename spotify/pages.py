"""`/status`: the operator's page. Staff only."""

import logging
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from songranker.redis import Unreachable
from spotify import gateway, status

_log = logging.getLogger(__name__)

_BARS = 145  # buckets of ten minutes in a rolling day, the present one included


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def page(request: HttpRequest) -> HttpResponse:
    """GET shows, POST lifts a pause or a refusal; both say so where Redis cannot be asked."""
    try:
        if request.method == "POST":
            lifted = gateway.resume()
            _log.warning("%s asked to go on; was anything stopped: %s", request.user, lifted)
            messages.info(request, "Lifted: one call tries now." if lifted else "Nothing was stopped.")
            return redirect("status")
        now = status.collect()
    except Unreachable as error:
        away = {"away": type(error).__name__, "errors": status.last_errors()}
        return render(request, "spotify/status.html", away, status=503)
    context: dict[str, Any] = {
        "now": now,
        "errors": now.errors,
        "alarms": [(name, status.ALARMS[name]) for name in now.alarms],
        "bars": _bars(now),
        "ends_at": timezone.now() + timedelta(seconds=now.pause_seconds or now.refused_seconds),
    }
    return render(request, "spotify/status.html", context)


def _bars(now: status.Status) -> list[dict[str, object]]:
    """The day's calls as bars of a picture that is `_BARS` wide and 40 high, the present at the right."""
    most = max((calls for _, calls in now.by_ten_minutes), default=0)
    present = timezone.now().timestamp() // 600
    bars = []
    for start, calls in now.by_ten_minutes:
        x = _BARS - 1 - (present - start.timestamp() // 600)
        height = 40 * calls / most
        if x >= 0:
            bars.append({"x": x, "y": 40 - height, "height": height, "calls": calls, "start": start})
    return bars


urlpatterns = [path("status", page, name="status")]
