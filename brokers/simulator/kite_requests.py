"""Reading what a client sent: parameters, forms, times; a bad one is refused by name."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

from brokers.simulator.orders import OrderRequest, Refusal
from brokers.simulator.sessions import IST

Values = dict[str, list[str]]
_NUMBERS = {"quantity": "int", "disclosed_quantity": "int", "price": "paise", "trigger_price": "paise"}
FIRST_YEAR, LAST_YEAR = 1990, 2100
MAX_PAISE = 10**10
VARIETIES = frozenset({"regular", "amo", "co", "iceberg", "auction"})
_TERMS = ("order_type", "validity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, already read."""

    method: str
    path: str
    query: Values = field(default_factory=dict)
    form: Values = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    # the query as it was sent, for those who sign it
    query_text: str = ""
    # the address that the connection comes from
    client: str = ""

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a query or form parameter."""
        return (self.query.get(name) or self.form.get(name) or [default])[0]

    def need(self, name: str) -> str:
        """Return a parameter that must be there; raises `Refusal` naming it."""
        value = self.get(name)
        if not value:
            raise Refusal(f"Missing or empty field `{name}`.")
        return value


def order_request(request: Request, variety: str) -> OrderRequest:
    """Return the order that a placement form describes."""
    if variety not in VARIETIES:
        raise Refusal(f"The variety `{variety}` is not available at this venue.")
    return OrderRequest(
        exchange=request.need("exchange"),
        symbol=request.need("tradingsymbol"),
        side=request.need("transaction_type"),
        quantity=_integer(request, "quantity"),
        product=request.need("product"),
        order_type=request.need("order_type"),
        price=_paise(request, "price"),
        trigger_price=_paise(request, "trigger_price"),
        validity=request.get("validity", "DAY"),
        disclosed_quantity=_integer(request, "disclosed_quantity"),
        protection=_protection(request),
        tag=request.get("tag") or None,
        variety=variety,
        validity_ttl=_integer(request, "validity_ttl"),
        auction_number=request.get("auction_number") or None,
        autoslice=request.get("autoslice").lower() == "true",
        iceberg_legs=_integer(request, "iceberg_legs"),
        iceberg_quantity=_integer(request, "iceberg_quantity"),
    )


def order_changes(request: Request) -> dict[str, int | float | str]:
    """Return the fields that a modification form names."""
    changes: dict[str, int | float | str] = {name: request.get(name) for name in _TERMS if request.get(name)}
    for name, kind in _NUMBERS.items():
        if request.get(name):
            changes[name] = _integer(request, name) if kind == "int" else _paise(request, name)
    protection = _protection(request)
    if protection is not None:
        changes["protection"] = protection
    return changes


def moment_of(text: str, name: str) -> int:
    """Return the epoch second of a venue time, ``YYYY-MM-DD`` or ``YYYY-MM-DD HH:MM:SS``."""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            at = datetime.strptime(text, form).replace(tzinfo=IST)
        except ValueError:
            continue
        if _in_reach(at):
            return int(at.timestamp())
    raise Refusal(f"invalid {name} date")


def _in_reach(at: datetime) -> bool:
    return FIRST_YEAR <= at.year <= LAST_YEAR


def _integer(request: Request, name: str) -> int:
    return whole_number(request.get(name, "0"), name)


def _paise(request: Request, name: str) -> int:
    return paise_of(request.get(name, "0"), name)


def whole_number(value: object, name: str) -> int:
    """Return a whole number from text or JSON; raises `Refusal` naming the field."""
    try:
        return int(str(value))
    except ValueError:
        raise Refusal(f"Invalid `{name}`.") from None


def paise_of(value: object, name: str) -> int:
    """Return rupees from text or JSON as whole paise; raises `Refusal` naming the field."""
    try:
        paise = Decimal(str(value)) * 100
    except InvalidOperation:
        raise Refusal(f"Invalid `{name}`.") from None
    if not paise.is_finite() or abs(paise) > MAX_PAISE:
        raise Refusal(f"Invalid `{name}`.")
    whole = int(paise)
    if paise != whole:
        raise Refusal(f"The {name.replace('_', ' ')} is not a multiple of the tick size.")
    return whole


def _protection(request: Request) -> float | None:
    text = request.get("market_protection")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Refusal("Invalid `market_protection`.") from None
