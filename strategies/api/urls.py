"""Addresses of the strategies' own API."""

from __future__ import annotations

from django.urls import path

from strategies.api import views

urlpatterns = [
    path("backtests", views.Backtests.as_view()),
    path("backtests/offered", views.BacktestsOffered.as_view()),
    path("backtests/cancel", views.BacktestCancel.as_view()),
    path("backtests/<uuid:run_id>", views.Backtest.as_view()),
]
