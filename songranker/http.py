"""Small pieces of HTTP that several apps need."""

import hashlib
from typing import Any

from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response


def conditional(request: HttpRequest, body: dict[str, Any], *, ignore: tuple[str, ...] = ()) -> Response:
    """The body with its `ETag`; 304 without one where `If-None-Match` fits.

    `ignore` names fields that may differ between two answers that mean the same (`source`).
    """
    stable = {name: value for name, value in body.items() if name not in ignore}
    digest = hashlib.sha256(JSONRenderer().render(stable)).hexdigest()[:32]
    tag = f'"{digest}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in known_tags(request):
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


def known_tags(request: HttpRequest) -> set[str]:
    """The tags of `If-None-Match`, weak ones as strong: a GET compares weakly (RFC 9110, 13.1.2)."""
    return {
        tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",") if tag.strip()
    }


def parse(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """Validated input, from a body or a query string. Raises ValidationError: a 400 that names each field."""
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
