"""The venue: a market, the engine that matches on it, its candles and its trading days; no I/O."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from brokers.simulator.alerts import Alerts
from brokers.simulator.board import Board, Step
from brokers.simulator.candles import INTERVAL_MINUTES, Candles, MadeHistory, MinuteStore, aggregate, join
from brokers.simulator.gtt import Triggers
from brokers.simulator.ledger import Ledger
from brokers.simulator.listings import Listing
from brokers.simulator.matching import Engine
from brokers.simulator.orders import Ids, Moment, Order
from brokers.simulator.portfolio import Account, Holding, Position
from brokers.simulator.sessions import IST_OFFSET_S, SECOND_NS, Session, ist, session_on
from brokers.simulator.varieties import Varieties


class Market(Protocol):
    """What moves prices: a made market or a recorded one."""

    board: Board
    session: Session
    now_ns: int
    finished: bool

    def next_at_ns(self) -> int | None:
        """Return when the next step is due, or nothing when the session is over."""
        ...

    def advance(self) -> Step:
        """Carry out the next step."""
        ...

    def open_next_day(self) -> bool:
        """Begin the next trading day; False when there is none."""
        ...


class Venue:
    """One simulated venue; it moves only when told to."""

    def __init__(
        self,
        *,
        market: Market,
        accounts: Iterable[Account],
        ids: Ids,
        ledger: Ledger,
        made_history: MadeHistory | None = None,
        kept_days: int = 5,
    ) -> None:
        self.market = market
        self.engine = Engine(board=market.board, accounts=accounts, ids=ids, ledger=ledger)
        self.engine.is_open = self.accepts
        self.varieties = Varieties(self.engine, is_closed=lambda: self.closed, auctions=self.auctions)
        self.triggers = Triggers(self.engine, self.varieties)
        self.alerts = Alerts(self.engine, self.varieties)
        self.steps = 0
        self.closed = False
        self._history = made_history
        self._kept_days = kept_days
        self._stores: dict[date, MinuteStore] = {}
        self._cash_closed = False
        self._begin_day()

    @property
    def board(self) -> Board:
        """Return the day's board."""
        return self.market.board

    @property
    def phase(self) -> str:
        """Return ``open``, ``closing`` (derivatives alone trade), ``closed`` or ``finished``."""
        if self.closed:
            return "finished" if self.market.finished else "closed"
        return "closing" if self._cash_closed else "open"

    def accepts(self, order: Order) -> bool:
        """Return whether the order's segment is trading."""
        return not self.closed and (order.listing.is_derivative or not self._cash_closed)

    def advance(self, wall_ns: int) -> Step:
        """Move the market by one step and match what waits."""
        step = self.market.advance()
        at = Moment(market_ns=self.market.now_ns, wall_ns=wall_ns)
        self.steps += 1
        self._stores[self.market.session.day].add(self.board, step)
        self.engine.on_step(step, at)
        if not self._cash_closed and step.at_s >= self.market.session.cash_close_s:
            self._cash_closed = True
            self.engine.cancel_waiting(at, derivatives=False)
        self.follow(at)
        return step

    def follow(self, at: Moment) -> None:
        """Carry on what follows from the prices and the fills so far."""
        self.varieties.follow(at)
        if not self.closed:
            self.triggers.follow(at)
            self.alerts.follow(at)

    def auctions(self, user_id: str) -> dict[tuple[str, str], str]:
        """Return the day's auctions in which the user may sell what is held, as numbers by instrument."""
        held = self.engine.accounts[user_id].holdings.values()
        listed = ((holding, self.board.row_of_key.get(("NSE", holding.symbol))) for holding in held)
        rows = [row for holding, row in listed if row is not None and holding.quantity > holding.used]
        return {("NSE", self.board.listings[row].symbol): str(row) for row in rows}

    def close_session(self, wall_ns: int) -> None:
        """End the day: what still waits is cancelled by the exchange."""
        at = Moment(market_ns=self.market.session.last_s * SECOND_NS, wall_ns=wall_ns)
        if self.market.next_at_ns() is None and not self.closed:
            self.market.now_ns = max(self.market.now_ns, at.market_ns)
        self.closed = True
        self.varieties.hold_auction(at)
        for derivatives in (False, True):
            self.engine.cancel_waiting(at, derivatives=derivatives)

    def open_next_day(self) -> bool:
        """Begin the next trading day with the positions carried over; False when there is none."""
        last_board = self.board
        if not self.market.open_next_day():
            return False
        for account in self.engine.accounts.values():
            _carry(account, last_board, self.board)
        self.engine.open_day(self.board)
        self.varieties.keep_overnight()
        self._begin_day()
        return True

    def run_until(self, market_ns: int, wall_ns: int) -> None:
        """Run all steps before a market time at once, as a warm-up does."""
        while not self.market.finished:
            due = self.market.next_at_ns()
            if due is None:
                if session_on(self.market.session.day).day >= ist(market_ns).date() or not self.open_next_day():
                    return
                continue
            if due >= market_ns:
                return
            self.advance(wall_ns)

    def candles(self, listing: Listing, interval: str, first_s: int, last_s: int) -> Candles:
        """Return the candles that start within both inclusive bounds, the running one among them."""
        first, last = ist(first_s * SECOND_NS).date(), ist(last_s * SECOND_NS).date()
        minutes = INTERVAL_MINUTES[interval]
        parts: list[Candles] = []
        if (made := self._history) is not None:
            days = made.days(listing, first, last)
            parts.extend(aggregate(made.minutes(listing, day), session_on(day), minutes) for day in days)
        for day, store in self._stores.items():
            if first <= day <= last:
                parts.append(aggregate(store.minutes(listing.token), store.session, minutes))
        if interval == "day":
            # A day's candle is stamped at midnight: the bounds mean days.
            first_s -= (first_s + IST_OFFSET_S) % 86_400
        return join(parts).between(first_s, last_s)

    def _begin_day(self) -> None:
        self.closed = self._cash_closed = False
        session = self.market.session
        self._stores[session.day] = MinuteStore(self.board, session)
        for day in sorted(self._stores)[: -self._kept_days]:
            del self._stores[day]


def _carry(account: Account, last_board: Board, board: Board) -> None:
    """Carry an account into the next day: settle what expired, deliver shares, keep the rest overnight."""
    account.cash += account.realised
    positions = {}
    for key, position in account.positions.items():
        row = last_board.row_of_key[key[0], key[1]]
        last = int(last_board.last[row])
        if position.quantity == 0:
            continue
        if (position.listing.exchange, position.listing.symbol) not in board.row_of_key:
            account.cash += _open_profit(position, last)
        elif position.product == "CNC":
            _deliver(account, position)
        else:
            carried, average = position.quantity, position.average
            positions[key] = Position(
                listing=position.listing,
                product=position.product,
                carried=carried,
                carried_price=average,
                close_price=last,
            )
    account.positions = positions
    account.orders.clear()
    account.fills.clear()
    for holding in account.holdings.values():
        holding.quantity, holding.used = holding.quantity - holding.used, 0


def _open_profit(position: Position, last: int) -> int:
    return position.quantity * (last - position.average)


def _deliver(account: Account, position: Position) -> None:
    """Settle a day's delivery: shares against money, into or out of the depository."""
    symbol, quantity, average = position.listing.symbol, position.quantity, position.average
    account.cash -= quantity * average
    if quantity < 0:
        return
    held = account.holdings.setdefault(symbol, Holding(symbol=symbol, isin="", quantity=0, average=0))
    total = held.quantity + quantity
    held.average = (held.quantity * held.average + quantity * average) // total
    held.quantity = total
