"""Builders for the simulator's tests: a small board whose book is set by hand."""

from datetime import date

import numpy as np

from brokers.simulator.board import Board, Prints, Step, no_prints, quote_around
from brokers.simulator.ledger import Ledger
from brokers.simulator.listings import equity, future, index, option
from brokers.simulator.matching import Engine
from brokers.simulator.orders import Ids, Moment, OrderRequest
from brokers.simulator.portfolio import Account, Holding

DAY = date(2026, 11, 20)
EXPIRY = date(2026, 12, 1)
STOCK, OPTION, FUTURE, INDEX = range(4)
NOW = Moment(market_ns=1_795_146_300_000_000_000, wall_ns=1_795_200_000_000_000_000)


def a_board():
    """A stock at 1000.00, a call at 100.00, a future at 24,800 and an index; 100 shares at each level."""
    listings = [
        equity("INFY", "INFOSYS", 100_000),
        option("NIFTY", EXPIRY, 2_480_000, "CE"),
        future("NIFTY", date(2026, 12, 29), 2_480_000),
        index("NIFTY 50"),
    ]
    board = Board(listings, np.array([100_000, 10_000, 2_480_000, 2_475_000]))
    quote(board, STOCK, 99_990, 100_000)
    quote(board, OPTION, 9_995, 10_005)
    quote(board, FUTURE, 2_479_990, 2_480_010)
    return board


def quote(board, row, bid, offer, lots=None):
    """Set the five levels around a bid and an offer."""
    lots = lots if lots is not None else (100 if row == STOCK else 5)
    sizes = np.full((1, 10), lots)
    quote_around(board, np.array([row]), np.array([bid]), np.array([offer]), sizes)


def an_engine(*, cash="10_00_000", users=("AB1234", "CD5678"), board=None, shares=0):
    """An engine with accounts of the same cash (rupees) and as many INFY shares."""
    accounts = [
        Account(
            user_id=user,
            cash=int(cash.replace("_", "")) * 100,
            holdings={"INFY": Holding(symbol="INFY", isin="INE009A01021", quantity=shares, average=90_000)}
            if shares
            else {},
        )
        for user in users
    ]
    return Engine(board=board or a_board(), accounts=accounts, ids=Ids(1), ledger=Ledger())


def a_request(**changes):
    """A limit order to buy ten INFY intraday at 1000.00."""
    fields = {
        "exchange": "NSE",
        "symbol": "INFY",
        "side": "BUY",
        "quantity": 10,
        "product": "MIS",
        "order_type": "LIMIT",
        "price": 100_000,
    }
    return OrderRequest(**{**fields, **changes})


def an_option_request(**changes):
    """A limit order to buy one lot of the call at its offer."""
    fields = {"exchange": "NFO", "symbol": "NIFTY26D0124800CE", "quantity": 65, "product": "NRML", "price": 10_005}
    return a_request(**{**fields, **changes})


def trades(board, row, price, quantity, aggressor=-1):
    """One print on the tape, put on the board."""
    prints = Prints(
        rows=np.array([row]),
        price=np.array([price]),
        quantity=np.array([quantity]),
        aggressor=np.array([aggressor]),
    )
    board.print_trades(prints, 1)
    return Step(at_s=1, prints=prints, touched=prints.rows)


def quiet(row=STOCK):
    """A step in which only the book changed."""
    return Step(at_s=1, prints=no_prints(), touched=np.array([row]))
