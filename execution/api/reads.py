"""Reads: each checks its query and answers with one selector's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.lookup import account_of, caller, row_of
from brokers.api.queries import AccountQuery, ListQuery, NoQuery, SinceQuery, query_of
from execution import selectors
from execution.books import funding_rows
from execution.models import Order
from execution.timelines import order_story
from strategies.selectors import catalogue_rows

Rows = Sequence[dict[str, Any]]

ORDER = (
    "One order with its whole life from the journal: `steps`, oldest first, each with its time, `latency_ms` since the one "
    "before, `who` took it (strategy, person, guardian, desk, gate, venue), the `reason`, and the venue's own `words`. "
    "`latency_ms` at the top says how long each stage took; null where it has not happened."
)
POSITIONS = (
    "One list over every venue, those closed today included. Amounts are text in the row's `currency`; `pnl_net` is "
    "`pnl_realised` + `pnl_unrealised` + `fees` + `funding`. Of a perpetual position also `mark_price`, `liquidation_price` "
    "with `liquidation_source`, `leverage`, `margin_mode`, `isolated_margin`, `position_side` and `notional`; null or empty "
    "elsewhere."
)
TRADES = (
    "Executions, newest first. `fee` is what the venue charged (negative for a rebate) and `fee_source` who says so; null "
    "where a schedule of charges tells. `source` is trade, liquidation or deleverage."
)
FUNDING = "Funding payments of perpetual positions, newest first: `amount` is received where positive."
PORTFOLIO = (
    "The day's P&L and exposure over every account that the caller may see, live and paper apart. With accounts of several "
    "currencies the top level is in rupees: `fx` names each rate with its source and time, what is held and what the rate "
    "moved (`pnl`, also in `pnl_today.fx`; `net_with_fx` has it in). An account whose rate is not known is left out of the "
    "total and named in `unconverted`. Each row of `accounts` stands in its own currency, with `home` beside it where a rate "
    "is known."
)


class ListOfRows(APIView):
    """A list `{"results", "count"}`; `?account=` keeps one account's rows."""

    query: ClassVar[type[NoQuery]] = ListQuery
    rows: ClassVar[Callable[..., Rows]]

    def get(self, request: Request) -> Response:
        """List the caller's rows."""
        asked = query_of(request, self.query)
        asked["account"] = account_of(request, asked.get("account"))
        found = type(self).rows(caller(request), **asked)
        return Response({"results": list(found), "count": len(found)})


class OneAnswer(APIView):
    """A single object; `?account=` narrows it to one account."""

    query: ClassVar[type[NoQuery]] = AccountQuery
    answer: ClassVar[Callable[..., dict[str, Any]]]

    def get(self, request: Request) -> Response:
        """Answer for the caller."""
        asked = query_of(request, self.query)
        if "account" in self.query().fields:
            asked["account"] = account_of(request, asked.get("account"))
        return Response(type(self).answer(caller(request), **asked))


@extend_schema(parameters=[ListQuery], responses={200: dict})
class Orders(ListOfRows):
    """`GET /api/orders`."""

    rows = staticmethod(selectors.orders_rows)


class OneOrder(APIView):
    """`GET /api/orders/<id>`."""

    @extend_schema(responses={200: dict}, description=ORDER)
    def get(self, request: Request, order_id: UUID) -> Response:
        """Tell an order's life."""
        query_of(request, NoQuery)
        rows = Order.objects.select_related("account", "deployment", "basket")
        order: Order = row_of(rows, request=request, id=order_id, word="order", field="id")
        return Response(order_story(caller(request), order))


@extend_schema(parameters=[ListQuery], responses={200: dict}, description=POSITIONS)
class Positions(ListOfRows):
    """`GET /api/positions`."""

    rows = staticmethod(selectors.positions_rows)


@extend_schema(parameters=[ListQuery], responses={200: dict}, description=TRADES)
class Trades(ListOfRows):
    """`GET /api/trades`."""

    rows = staticmethod(selectors.trades_rows)


@extend_schema(parameters=[ListQuery], responses={200: dict}, description=FUNDING)
class Funding(ListOfRows):
    """`GET /api/funding`."""

    rows = staticmethod(funding_rows)


@extend_schema(parameters=[SinceQuery], responses={200: dict})
class Signals(ListOfRows):
    """`GET /api/signals`."""

    query = SinceQuery
    rows = staticmethod(selectors.signals_rows)


@extend_schema(parameters=[SinceQuery], responses={200: dict})
class Journal(ListOfRows):
    """`GET /api/journal`."""

    query = SinceQuery
    rows = staticmethod(selectors.journal_rows)


@extend_schema(parameters=[AccountQuery], responses={200: dict})
class Ticks(ListOfRows):
    """`GET /api/ticks`."""

    query = AccountQuery
    rows = staticmethod(selectors.ticks_rows)


@extend_schema(parameters=[AccountQuery], responses={200: dict})
class Equity(ListOfRows):
    """`GET /api/equity`."""

    query = AccountQuery
    rows = staticmethod(selectors.equity_curve)


@extend_schema(responses={200: dict})
class Status(OneAnswer):
    """`GET /api/status`."""

    query = NoQuery
    answer = staticmethod(selectors.status)


@extend_schema(parameters=[AccountQuery], responses={200: dict}, description=PORTFOLIO)
class Portfolio(OneAnswer):
    """`GET /api/portfolio`."""

    answer = staticmethod(selectors.portfolio)


@extend_schema(parameters=[AccountQuery], responses={200: dict})
class Risk(OneAnswer):
    """`GET /api/risk`."""

    answer = staticmethod(selectors.risk)


class Strategies(APIView):
    """`GET /api/strategies`."""

    @extend_schema(parameters=[AccountQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Return the catalogue and what is deployed."""
        asked = query_of(request, AccountQuery)
        rows = list(selectors.strategies_rows(caller(request), account=account_of(request, asked.get("account"))))
        return Response({"catalogue": catalogue_rows(), "results": rows, "count": len(rows)})
