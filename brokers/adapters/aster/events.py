"""What Aster's streams say: account events as typed rows, market frames by the name of their stream.

Partial and difference depth carry the same event word, so a market frame is told apart by its stream alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from brokers.adapters.aster.wire import Wire, WireRow, exact, flag, identifier, list_of, moment, price_or_none, row_of

LIQUIDATION_PREFIXES = ("autoclose-", "adl_autoclose")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate(WireRow):
    """One step of an order: `step` is what happened, `status` where it stands now."""

    symbol: Annotated[str, Wire("s", str)]
    client_id: Annotated[str, Wire("c", str)]
    order_id: Annotated[str, Wire("i", identifier)]
    side: Annotated[str, Wire("S", str)]
    order_type: Annotated[str, Wire("o", str)]
    time_in_force: Annotated[str, Wire("f", str)]
    step: Annotated[str, Wire("x", str)]
    status: Annotated[str, Wire("X", str)]
    quantity: Annotated[Decimal, Wire("q", exact)]
    price: Annotated[Decimal | None, Wire("p", price_or_none)]
    average_price: Annotated[Decimal | None, Wire("ap", price_or_none)]
    stop_price: Annotated[Decimal | None, Wire("sp", price_or_none)]
    filled_quantity: Annotated[Decimal, Wire("z", exact)]
    fill_quantity: Annotated[Decimal, Wire("l", exact)]
    fill_price: Annotated[Decimal | None, Wire("L", price_or_none)]
    fee: Annotated[Decimal, Wire("n", exact)] = Decimal(0)
    fee_asset: Annotated[str, Wire("N", str)] = ""
    trade_id: Annotated[str, Wire("t", identifier)]
    traded_at: Annotated[datetime | None, Wire("T", moment)]
    is_maker: Annotated[bool, Wire("m", flag)]
    is_reduce_only: Annotated[bool, Wire("R", flag)]
    position_side: Annotated[str, Wire("ps", str)]
    closes_position: Annotated[bool, Wire("cp", flag)] = False
    realised: Annotated[Decimal, Wire("rp", exact)] = Decimal(0)

    @property
    def is_forced(self) -> bool:
        """Tell whether the exchange itself closed here: a liquidation or automatic deleveraging."""
        return self.client_id.startswith(LIQUIDATION_PREFIXES) or self.status in {"NEW_INSURANCE", "NEW_ADL"}

    @property
    def has_fill(self) -> bool:
        """Tell whether this step is an execution; other steps repeat a trade id of 0."""
        return self.step == "TRADE" or (self.step == "CALCULATED" and self.fill_quantity > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange(WireRow):
    asset: Annotated[str, Wire("a", str)]
    wallet: Annotated[Decimal, Wire("wb", exact)]
    cross_wallet: Annotated[Decimal, Wire("cw", exact)]
    change: Annotated[Decimal, Wire("bc", exact)] = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChange(WireRow):
    symbol: Annotated[str, Wire("s", str)]
    position_side: Annotated[str, Wire("ps", str)]
    quantity: Annotated[Decimal, Wire("pa", exact)]
    entry_price: Annotated[Decimal | None, Wire("ep", price_or_none)]
    unrealised: Annotated[Decimal, Wire("up", exact)]
    margin_type: Annotated[str, Wire("mt", str.lower)]
    isolated_wallet: Annotated[Decimal, Wire("iw", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUpdate(WireRow):
    """Changed balances and positions with the reason; the available balance is never among them."""

    reason: Annotated[str, Wire("m", str)]
    balances: Annotated[tuple[BalanceChange, ...], Wire("B", list_of(BalanceChange))] = ()
    positions: Annotated[tuple[PositionChange, ...], Wire("P", list_of(PositionChange))] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCallRow(WireRow):
    symbol: Annotated[str, Wire("s", str)]
    position_side: Annotated[str, Wire("ps", str)]
    quantity: Annotated[Decimal, Wire("pa", exact)]
    mark_price: Annotated[Decimal, Wire("mp", exact)]
    unrealised: Annotated[Decimal, Wire("up", exact)]
    maintenance_margin: Annotated[Decimal, Wire("mm", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCall(WireRow):
    """Positions near liquidation: guidance only, they may be gone already."""

    positions: Annotated[tuple[MarginCallRow, ...], Wire("p", list_of(MarginCallRow))]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageChange(WireRow):
    symbol: Annotated[str, Wire("s", str)]
    leverage: Annotated[int, Wire("l", int)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange(WireRow):
    """Account-wide modes; `is_multi_assets` joins the margin of all assets."""

    is_multi_assets: Annotated[bool, Wire("j", flag)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKeyExpired:
    """The socket stays open and says nothing more: make a key, connect, read everything again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """The exchange's own news, as text to be escaped where it is shown."""

    title: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _News(WireRow):
    title: Annotated[str, Wire("t", str)] = ""
    kind: Annotated[str, Wire("c", str)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent:
    """An event that this version does not know: counted and told once, never an error."""

    word: str


AccountEvent = (
    OrderUpdate
    | AccountUpdate
    | MarginCall
    | LeverageChange
    | ModeChange
    | StreamKeyExpired
    | Announcement
    | UnknownEvent
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """An account event with the time at which the exchange sent it: order of arrival is not promised."""

    sent_at: datetime | None
    event: AccountEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent(WireRow):
    sent_at: Annotated[datetime | None, Wire("E", moment)] = None


def account_event(body: Mapping[str, Any]) -> Stamped:
    """Read one frame of the user stream; raise DataError for a known event that cannot be read."""
    word = str(body.get("e", ""))
    read = _EVENTS.get(word)
    event = read(body) if read else UnknownEvent(word=word[:40])
    return Stamped(sent_at=row_of(_Sent, body).sent_at, event=event)


def _config(body: Mapping[str, Any]) -> AccountEvent:
    if "ac" in body:
        return row_of(LeverageChange, body["ac"])
    return row_of(ModeChange, body.get("ai"))


def _announcement(body: Mapping[str, Any]) -> Announcement:
    news = row_of(_News, body.get("en") or body.get("zh") or {})
    return Announcement(title=news.title[:200], kind=news.kind[:40])


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], AccountEvent]] = {
    "ORDER_TRADE_UPDATE": lambda body: row_of(OrderUpdate, body.get("o")),
    "ACCOUNT_UPDATE": lambda body: row_of(AccountUpdate, body.get("a")),
    "MARGIN_CALL": lambda body: row_of(MarginCall, body),
    "ACCOUNT_CONFIG_UPDATE": _config,
    "listenKeyExpired": lambda _: StreamKeyExpired(),
    "announcement": _announcement,
}
