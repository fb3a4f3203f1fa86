"""DRF's exception handler: whatever a view raises becomes a problem document, never a stack trace."""

import logging
from collections.abc import Iterable
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from songranker.problems import CONTENT_TYPE, FieldError, Problem, for_status, problem_for

_log = logging.getLogger(__name__)


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """The answer to an exception; DRF calls this (REST_FRAMEWORK["EXCEPTION_HANDLER"])."""
    problem = _from_drf(error) if isinstance(error, exceptions.APIException) else problem_for(error)
    if problem is None:
        _log.exception("unexpected error in %s", type(context.get("view")).__name__, exc_info=error)
        problem = for_status(500)
    elif problem.code == "database_unavailable":
        _log.error("the database failed in %s", type(context.get("view")).__name__, exc_info=error)
    set_rollback()
    headers = problem.all_headers()
    if isinstance(error, exceptions.MethodNotAllowed):
        view = context.get("view")
        headers = {**headers, "Allow": ", ".join(view.allowed_methods) if view else ""}
    return Response(problem.document(), status=problem.status, headers=headers, content_type=CONTENT_TYPE)


def _from_drf(error: exceptions.APIException) -> Problem:
    if isinstance(error, exceptions.ValidationError):
        errors = tuple(_flatten(error.get_full_details()))
        named = "; ".join(f"{e.field}: {e.detail}" for e in errors)
        return Problem("invalid", named or "The request is not valid.", errors)
    if isinstance(error, exceptions.ParseError):
        return Problem(
            "invalid", "The body is not valid JSON.", (FieldError("body", "parse_error", str(error.detail)),)
        )
    code = {
        401: "unauthorized",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        415: "unsupported_media_type",
        429: "too_many_requests",
    }.get(error.status_code, "internal")
    wait = getattr(error, "wait", None)
    return Problem(code, str(error.detail), retry_after=wait)


def _flatten(details: Any, path: str = "") -> Iterable[FieldError]:
    """DRF's nested error details as a flat list, with paths such as `songs[3].name`."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield FieldError(path or "body", str(details["code"]), str(details["message"]))
    elif isinstance(details, dict):
        for key, value in details.items():
            if key == "non_field_errors":
                yield from _flatten(value, path)
            elif isinstance(key, int):  # ListField: position -> errors
                yield from _flatten(value, f"{path}[{key}]")
            else:
                yield from _flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(details, list):
        for position, value in enumerate(details):
            leaf = isinstance(value, dict) and set(value) == {"message", "code"}
            yield from _flatten(value, path if leaf else f"{path}[{position}]")
