"""The option pages' addresses."""

from __future__ import annotations

from django.urls import path

from options import builder_views, views

urlpatterns = [
    path("options", views.chain, name="options"),
    path("options/oi", views.open_interest, name="options_oi"),
    path("options/volatility", views.volatility, name="options_volatility"),
    path("options/gamma", views.gamma, name="options_gamma"),
    path("options/straddle", views.straddle, name="options_straddle"),
    path("options/alerts", views.alerts, name="options_alerts"),
    path("options/builder", builder_views.builder, name="options_builder"),
]
