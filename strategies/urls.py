"""Addresses of the strategies' pages; a page stands here once it is finished."""

from __future__ import annotations

from django.urls import path

from strategies import agent_views, views

urlpatterns = [
    path("agents", agent_views.agents, name="agents"),
    path("strategies", views.catalogue, name="strategies"),
    path("strategies/backtests", views.backtests, name="strategies_backtests"),
    path("strategies/backtests/<uuid:run_id>", views.backtest, name="strategies_backtest"),
]
