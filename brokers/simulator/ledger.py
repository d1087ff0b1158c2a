"""The ledger: every execution of every account in the order it happened, never changed."""

import json
from collections.abc import Callable

from brokers.simulator.orders import Fill

Row = dict[str, int | str]


class Ledger:
    """An append-only list of fills; each is also handed to a sink when one is given."""

    def __init__(self, sink: Callable[[str], object] | None = None) -> None:
        self._fills: list[Fill] = []
        self._sink = sink

    def __len__(self) -> int:
        return len(self._fills)

    def append(self, fill: Fill) -> None:
        """Keep one execution for ever."""
        self._fills.append(fill)
        if self._sink is not None:
            self._sink(json.dumps(ledger_row(fill)) + "\n")

    def rows(self, *, since: int = 0, account: str | None = None) -> list[Row]:
        """Return the rows after a sequence number, of one account or of all."""
        return [ledger_row(f) for f in self._fills[max(since, 0) :] if account is None or f.account == account]


def ledger_row(fill: Fill) -> Row:
    """Return a fill as plain data: price in paise, times in nanoseconds of the epoch."""
    return {
        "seq": fill.seq,
        "account": fill.account,
        "order_id": fill.order_id,
        "exchange_order_id": fill.exchange_order_id,
        "trade_id": fill.trade_id,
        "exchange": fill.exchange,
        "tradingsymbol": fill.symbol,
        "instrument_token": fill.token,
        "product": fill.product,
        "side": fill.side,
        "quantity": fill.quantity,
        "price_paise": fill.price,
        "price": f"{fill.price // 100}.{fill.price % 100:02d}",
        "market_ns": fill.market_ns,
        "wall_ns": fill.wall_ns,
    }
