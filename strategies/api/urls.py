"""Addresses of the strategies' own API."""

from __future__ import annotations

from django.urls import path

from strategies.api import agent_views, views

urlpatterns = [
    path("agents", agent_views.Agents.as_view()),
    path("agents/set", agent_views.AgentsSet.as_view()),
    path("agents/toggle", agent_views.AgentsToggle.as_view()),
    path("agents/decisions", agent_views.AgentDecisions.as_view()),
    path("agents/decisions/<uuid:decision_id>", agent_views.AgentDecisionWhole.as_view()),
    path("backtests", views.Backtests.as_view()),
    path("backtests/offered", views.BacktestsOffered.as_view()),
    path("backtests/cancel", views.BacktestCancel.as_view()),
    path("backtests/<uuid:run_id>", views.Backtest.as_view()),
]
