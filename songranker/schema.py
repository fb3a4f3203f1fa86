"""What the OpenAPI schema says of errors."""

from typing import Any

from rest_framework import serializers

from songranker.problems import CODES, CONTENT_TYPE


class FieldErrorOut(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="a path such as songs[3].name")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.ChoiceField(sorted(CODES))


# "errors" is also a property of every serializer, so it cannot be declared in the class.
ProblemOut._declared_fields["errors"] = FieldErrorOut(many=True, required=False)


def problem_answers(*statuses: int) -> dict[Any, Any]:
    """Entries of `extend_schema(responses=...)` for these statuses."""
    return {(status, CONTENT_TYPE): ProblemOut for status in statuses}
