"""Content negotiation for an API that speaks JSON only."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AlwaysJson(DefaultContentNegotiation):
    """Answers JSON whatever `Accept` says, and leaves `?format=` to the view (`export?format=csv`)."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer, always: a browser's `Accept: text/html` must not get 406."""
        first = next(iter(renderers))
        return first, first.media_type or "application/json"
