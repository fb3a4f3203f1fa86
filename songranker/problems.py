"""Every error that leaves the house, as RFC 9457 problem documents.

Domain code raises its own errors and knows no status; each app maps its own (`register`). What nobody mapped is a 500
whose text says nothing about the inside. DRF's own errors are turned into problems in `exception_handler.py`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, JsonResponse

CONTENT_TYPE = "application/problem+json"

# code -> (status, title). `docs/errors.md` explains each; a test compares the two.
CODES: dict[str, tuple[int, str]] = {
    "invalid": (400, "The request is not valid"),
    "unauthorized": (401, "A session token is needed"),
    "forbidden": (403, "Not allowed"),
    "spotify_forbidden": (403, "Spotify does not let this application read it"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_enough_songs": (409, "Not enough songs to compare"),
    "ranking_complete": (409, "The ranking is complete"),
    "conflict": (409, "The request does not fit the present state"),
    "too_large": (413, "The request is too large"),
    "unsupported_media_type": (415, "Send JSON"),
    "idempotency_mismatch": (422, "The idempotency key was used with another body"),
    "too_many_requests": (429, "Too many requests"),
    "internal": (500, "Something broke on our side"),
    "spotify_refused": (502, "Spotify refused our credentials"),
    "spotify_invalid_answer": (502, "Spotify's answer makes no sense"),
    "spotify_paused": (503, "Spotify asked us to pause"),
    "daily_budget_spent": (503, "Today's Spotify calls are spent"),
    "queue_full": (503, "Too much is queued for Spotify"),
    "spotify_unavailable": (503, "Spotify does not answer"),
    "broker_unavailable": (503, "The queue is not reachable"),
    "database_unavailable": (503, "The database is not reachable"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the request."""

    field: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document."""

    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after: float | None = None  # seconds
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return CODES[self.code][0]

    def document(self) -> dict[str, Any]:
        """The body: `type title status detail code`, and `errors` for bad input."""
        status, title = CODES[self.code]
        body: dict[str, Any] = {
            "type": f"urn:songranker:problem:{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            body["errors"] = [{"field": e.field, "code": e.code, "detail": e.detail} for e in self.errors]
        return body

    def all_headers(self) -> dict[str, str]:
        """`Retry-After` in whole seconds, rounded up: never a promise that is too early."""
        if self.retry_after is None:
            return self.headers
        return {**self.headers, "Retry-After": str(max(1, math.ceil(self.retry_after)))}

    def response(self) -> HttpResponse:
        return JsonResponse(self.document(), status=self.status, content_type=CONTENT_TYPE, headers=self.all_headers())


class ProblemError(Exception):
    """Raised by views and by what they call directly; carries its whole answer."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(code, detail, tuple(errors), retry_after, headers or {})


def invalid(field_name: str, code: str, detail: str) -> ProblemError:
    """A 400 about one field."""
    return ProblemError("invalid", f"{field_name}: {detail}", errors=[FieldError(field_name, code, detail)])


_mapped: list[tuple[type[Exception], Callable[[Any], Problem]]] = []


def register(error: type[Exception], to_problem: Callable[[Any], Problem]) -> None:
    """Say which problem a domain error is. Called by each app when it is ready."""
    _mapped.append((error, to_problem))


def problem_for(error: Exception) -> Problem | None:
    """The problem of an expected error; None for one that nobody expected."""
    if isinstance(error, ProblemError):
        return error.problem
    for kind, to_problem in _mapped:
        if isinstance(error, kind):
            return to_problem(error)
    if isinstance(error, Http404):
        return Problem("not_found", "There is nothing at this address.")
    if isinstance(error, RequestDataTooBig):
        return Problem("too_large", "The body is too large.")
    if isinstance(error, SuspiciousOperation):
        return Problem("invalid", "The request could not be understood.")
    if isinstance(error, PermissionDenied):
        return Problem("forbidden", "Not allowed.")
    if isinstance(error, OperationalError | InterfaceError):
        return Problem("database_unavailable", "The database does not answer; try again.", retry_after=5)
    return None


def for_status(status: int) -> Problem:
    """The plain problem of an error that Django itself answered."""
    codes = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    codes |= {503: "broker_unavailable"}  # a page of ours that needs Redis
    details = {
        "not_found": "There is nothing at this address.",
        "internal": "This was logged; the request id finds it.",
        "invalid": "The request could not be understood.",
    }
    code = codes.get(status, "internal" if status >= 500 else "invalid")
    return Problem(code, details.get(code, CODES[code][1] + "."))
