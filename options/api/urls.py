"""Addresses of option chains and their open interest."""

from __future__ import annotations

from django.urls import path

from options.api import builder_urls, premium, views

urlpatterns = [
    path("options/underlyings", views.Underlyings.as_view()),
    path("options/chain", views.ChainView.as_view()),
    path("options/history", views.History.as_view()),
    path("options/premium", premium.PremiumView.as_view()),
    path("options/profile", views.Profile.as_view()),
    path("options/volatility", views.Volatility.as_view()),
    path("options/exposure", views.Exposure.as_view()),
    path("oi/summary", views.Summary.as_view()),
    path("oi/all", views.Summaries.as_view()),
    path("oi/start", views.Start.as_view()),
    path("oi/stop", views.Stop.as_view()),
    path("oi/alerts", views.Alerts.as_view()),
    path("oi/alerts/switch", views.AlertSwitch.as_view()),
    *builder_urls.urlpatterns,
]
