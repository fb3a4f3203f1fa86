"""What every request passes: an id, one access line, and no error that is not a problem document."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from songranker import logs, problems

_access = logging.getLogger("songranker.access")

type_of_get_response = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Gives each request an id, answers it in `X-Request-ID`, and writes the access line."""

    def __init__(self, get_response: type_of_get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        token = logs.request_id.set(logs.new_request_id(request.headers.get("X-Request-ID")))
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = logs.request_id.get()
            level = logging.DEBUG if request.path.startswith(("/health/", "/static/")) else logging.INFO
            milliseconds = (time.monotonic() - started) * 1000
            # The path only: a query may hold what a person typed.
            _access.log(level, "%s %s %s %.1f ms", request.method, request.path, response.status_code, milliseconds)
            return response
        finally:
            logs.request_id.reset(token)


class ProblemMiddleware:
    """Turns whatever error page came out of Django itself into a problem document.

    DRF's own errors are documents already (`exception_handler.py`). What is left are Django's: unknown URLs, bad hosts,
    bodies that are too large, a crash. Browsers that ask a page for HTML keep Django's error pages.
    """

    def __init__(self, get_response: type_of_get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path:  # PostgreSQL has no such text: nothing can be there
            return problems.for_status(404).response()
        response = self.get_response(request)
        # Django's own error pages are HTML; what a view of ours has answered stands.
        if response.status_code < 400 or not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        if self.wants_page(request) or not isinstance(response, HttpResponse):
            return response
        problem = problems.for_status(response.status_code)
        answer = problem.response()
        for kept in ("Allow", "Retry-After"):
            if kept in response:
                answer[kept] = response[kept]
        return answer

    @staticmethod
    def wants_page(request: HttpRequest) -> bool:
        """Is it a browser in front of a page, rather than a program in front of the API?"""
        if request.path.startswith(("/api/", "/health", "/metrics")) and not request.path.startswith("/api/docs"):
            return False
        return "text/html" in request.headers.get("Accept", "")
