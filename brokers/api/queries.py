"""Query strings and bodies, checked before anything is looked up."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.request import Request

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names that it does not know."""

    unknown_code = "field.unknown"

    def to_internal_value(self, data: Any) -> Any:
        """Check for unknown names first, then each field."""
        if hasattr(data, "keys"):
            unknown = sorted(set(data.keys()) - set(self.fields))
            if unknown:
                message = f"There is no {unknown[0]!r} here; known are {', '.join(self.fields) or 'none'}"
                raise ValidationError({unknown[0]: [ErrorDetail(message, code=self.unknown_code)]})
        return super().to_internal_value(data)


class StrictBoolean(serializers.BooleanField):
    """True or false as JSON has them; words and numbers are refused."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the value, or complain."""
        if data is not True and data is not False:
            self.fail("invalid", input=data)
        return bool(data)


class NoQuery(StrictSerializer):
    """A call that takes no query."""

    unknown_code = "query.unknown"


class AccountQuery(NoQuery):
    """`?account=` keeps one account."""

    account = serializers.UUIDField(required=False)


class ListQuery(AccountQuery):
    """`?account=` and `?limit=`."""

    limit = serializers.IntegerField(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT)


class SinceQuery(ListQuery):
    """`?since=` keeps what is newer than a time."""

    since = serializers.DateTimeField(required=False)


def query_of(request: Request, serializer: type[NoQuery]) -> dict[str, Any]:
    """Return the checked query; a wrong or unknown key raises ValidationError."""
    checked = serializer(data=request.query_params.dict())
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values


def body_of(request: Request, serializer: type[StrictSerializer]) -> dict[str, Any]:
    """Return the checked body of a write, whose address takes no query."""
    query_of(request, NoQuery)
    if not isinstance(request.data, dict):
        raise ParseError("The body must be a JSON object")
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
