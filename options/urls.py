"""The option pages' addresses, below /options."""

from __future__ import annotations

from django.urls import path

from options import builder_views, views

urlpatterns = [
    path("", views.chain, name="options"),
    path("/oi", views.open_interest, name="options_oi"),
    path("/volatility", views.volatility, name="options_volatility"),
    path("/gamma", views.gamma, name="options_gamma"),
    path("/straddle", views.straddle, name="options_straddle"),
    path("/builder", builder_views.builder, name="options_builder"),
]
