"""The ledger of the simulated Aster: every execution and every change of a wallet, in order, never changed.

It is the oracle: what the accounts show is what its rows add up to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal

from brokers.simulator.aster.orders import PerpetualFill

REALISED, COMMISSION, FUNDING = "REALIZED_PNL", "COMMISSION", "FUNDING_FEE"
INSURANCE, TRANSFER = "INSURANCE_CLEAR", "TRANSFER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One change of a wallet, signed from the account's side."""

    seq: int
    account: str
    kind: str
    symbol: str
    amount: Decimal
    trade_id: str
    info: str
    market_ms: int


class PerpetualLedger:
    """Append-only lists of fills and incomes; each row is also handed to a sink when one is given."""

    def __init__(self, sink: Callable[[str], object] | None = None) -> None:
        self.fills: list[PerpetualFill] = []
        self.incomes: list[Income] = []
        self._sink = sink

    def book_fill(self, fill: PerpetualFill) -> None:
        """Keep one execution for ever."""
        self.fills.append(fill)
        self._tell({"venue": "aster", "row": "fill", **asdict(fill)})

    def book_income(
        self,
        account: str,
        kind: str,
        amount: Decimal,
        *,
        at_ms: int,
        symbol: str = "",
        trade_id: str = "",
        info: str = "",
    ) -> Income:
        """Keep one change of a wallet for ever."""
        income = Income(
            seq=len(self.incomes) + 1,
            account=account,
            kind=kind,
            symbol=symbol,
            amount=amount,
            trade_id=trade_id,
            info=info or kind,
            market_ms=at_ms,
        )
        self.incomes.append(income)
        self._tell({"venue": "aster", "row": "income", **_plain(income)})
        return income

    def wallet(self, account: str) -> Decimal:
        """Return what an account's incomes add up to."""
        return sum((income.amount for income in self.incomes if income.account == account), Decimal(0))

    def rows(self, *, since: int = 0, account: str | None = None) -> dict[str, object]:
        """Return fills after the first ``since`` and all incomes, of one account or of all, as plain data."""
        return {
            "fills": [asdict(fill) for fill in self.fills[since:] if account in {None, fill.account}],
            "incomes": [_plain(income) for income in self.incomes if account in {None, income.account}],
        }

    def _tell(self, row: dict[str, object]) -> None:
        if self._sink is not None:
            self._sink(json.dumps(row) + "\n")


def _plain(income: Income) -> dict[str, object]:
    return {**asdict(income), "amount": f"{income.amount:f}"}
