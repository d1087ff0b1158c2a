"""Parameters of a strategy: one model that validates, draws the form and names the field at fault."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict

from brokers.domain.errors import Invalid
from brokers.domain.orders import Product


class Direction(StrEnum):
    """Which exposures a deployment may take."""

    LONG = "long"
    BOTH = "both"


def param(
    default: Any,
    *,
    help: str,  # noqa: A002 - the strategy author's own word for it
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    step: float | None = None,
) -> Any:
    """Declare a parameter: its default, its bounds, and the sentence beside its field."""
    extra: JsonDict | None = {"step": step} if step is not None else None
    return Field(default, ge=ge, gt=gt, le=le, description=help, json_schema_extra=extra)


GIVEN_SHOWN = 40
WANTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "decimal_parsing": "a number",
    "decimal_type": "a number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "enum": "{expected}",
}


class StrategyParams(BaseModel):
    """What every strategy has; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    bar_minutes: int = param(1, ge=1, le=60, help="minutes in one bar")
    order_value_quote: Decimal = param(
        Decimal(100_000), gt=0, le=1_000_000_000, help="value of a full position, in the account's currency"
    )
    lots: int = param(0, ge=0, le=10_000, help="whole lots in a full position; 0 sizes it by value")
    product: Product = param(
        Product.INTRADAY, help="MIS is flat by the square-off, NRML and CNC are carried; perpetuals know none of them"
    )
    direction: Direction = param(Direction.LONG, help="long only, or both ways")

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the parameters, or raise Invalid naming the first field at fault (``params.fast``)."""
        try:
            parsed = cls.model_validate(dict(values))
        except ValidationError as error:
            raise _as_invalid(error) from error
        parsed.check()
        return parsed

    def check(self) -> None:
        """Raise Invalid where fields contradict each other; a strategy adds its own and calls this."""
        if self.product is Product.PERPETUAL:
            raise wrong(
                "product", "product is MIS, NRML or CNC; a perpetual contract is traded as one whatever it says"
            )
        if self.direction is Direction.BOTH and self.product is Product.DELIVERY:
            raise wrong("direction", "delivery (CNC) cannot be sold short; use MIS, or NRML on a future")

    def as_json(self) -> dict[str, Any]:
        """Return every parameter as JSON values, Decimals as strings."""
        return self.model_dump(mode="json")


def wrong(name: str, sentence: str) -> Invalid:
    """Return the error that names one parameter."""
    return Invalid(sentence, code="params.invalid", field=f"params.{name}")


def _as_invalid(error: ValidationError) -> Invalid:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return Invalid(f"there is no parameter named {name}", code="params.unknown", field=f"params.{name}")
    wanted, given = _wanted(first), str(first.get("input"))[:GIVEN_SHOWN]
    return wrong(name, f"{name} must be {wanted}, not {given!r}")


def _wanted(complaint: Mapping[str, Any]) -> str:
    """Say what is allowed; what pydantic says of a kind without words of ours is its own."""
    limits = complaint.get("ctx", {})
    words = WANTED.get(str(complaint["type"]))
    if words is None:
        return str(complaint["msg"]).lower().removeprefix("input should be ")
    return words.format(**limits)
