"""Addresses of the desk's API, at the paths that the requirements name."""

from __future__ import annotations

from django.urls import path

from execution.api import baskets, exceptions, reads, risk, writes

urlpatterns = [
    path("status", reads.Status.as_view()),
    path("orders", reads.Orders.as_view()),
    path("orders/cancel", writes.OrderCancel.as_view()),
    path("orders/<uuid:order_id>", reads.OneOrder.as_view()),
    path("baskets", baskets.Baskets.as_view()),
    path("baskets/unwind", baskets.BasketUnwind.as_view()),
    path("exceptions", exceptions.Exceptions.as_view()),
    path("exceptions/settle", exceptions.ExceptionSettle.as_view()),
    path("positions", reads.Positions.as_view()),
    path("positions/exit", writes.PositionExit.as_view()),
    path("positions/exit-all", writes.PositionsExitAll.as_view()),
    path("trades", reads.Trades.as_view()),
    path("funding", reads.Funding.as_view()),
    path("portfolio", reads.Portfolio.as_view()),
    path("equity", reads.Equity.as_view()),
    path("signals", reads.Signals.as_view()),
    path("journal", reads.Journal.as_view()),
    path("ticks", reads.Ticks.as_view()),
    path("risk", reads.Risk.as_view()),
    path("risk/kill-switch", writes.KillSwitchView.as_view()),
    path("risk/limits", risk.Limits.as_view()),
    path("risk/limits/withdraw", risk.LimitWithdraw.as_view()),
    path("risk/scenarios", risk.Scenarios.as_view()),
    path("risk/shadow", risk.ShadowTry.as_view()),
    path("strategies", reads.Strategies.as_view()),
    path("strategies/add", writes.StrategyAdd.as_view()),
    path("strategies/toggle", writes.StrategyToggle.as_view()),
    path("strategies/remove", writes.StrategyRemove.as_view()),
    path("live/start", writes.LiveStart.as_view()),
    path("live/stop", writes.LiveStop.as_view()),
]
