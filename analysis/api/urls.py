"""Addresses of the analysis, at the paths that the requirements name."""

from __future__ import annotations

from django.urls import path

from analysis.api import alert_views, candle_views, own_views, views

urlpatterns = [
    path("analysis/status", views.ScanStatus.as_view()),
    path("analysis/scan", views.ScanAsk.as_view()),
    path("analysis/results", views.ScanResults.as_view()),
    path("analysis/movers", views.Movers.as_view()),
    path("analysis/triggers", views.Triggers.as_view()),
    path("analysis/breadth", views.BreadthOf.as_view()),
    path("analysis/stock", views.Stock.as_view()),
    path("analysis/universes", views.Universes.as_view()),
    path("analysis/watchlists", own_views.Watchlists.as_view()),
    path("analysis/rules", own_views.Rules.as_view()),
    path("analysis/rules/try", own_views.RuleTrial.as_view()),
    path("analysis/rules/backtest", own_views.RulePast.as_view()),
    path("analysis/notes", own_views.Notes.as_view()),
    path("analysis/alerts", alert_views.Alerts.as_view()),
    path("analysis/alerts/log", alert_views.AlertLog.as_view()),
    path("analysis/candles/fetch", candle_views.CandlesFetch.as_view()),
    path("analysis/candles/cancel", candle_views.CandlesCancel.as_view()),
]
