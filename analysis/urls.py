"""Addresses of the analysis' pages; a page stands here once it is finished."""

from __future__ import annotations

from django.urls import path

from analysis import views

urlpatterns = [
    path("analysis", views.scan, name="analysis"),
    path("analysis/movers", views.movers, name="analysis_movers"),
    path("analysis/triggers", views.triggers, name="analysis_triggers"),
    path("analysis/rules", views.rules, name="analysis_rules"),
    path("analysis/alerts", views.alerts, name="analysis_alerts"),
    path("analysis/stock/<str:key>", views.stock, name="analysis_stock"),
]
