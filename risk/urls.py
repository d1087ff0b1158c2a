"""Address of the risk page."""

from __future__ import annotations

from django.urls import path

from risk import views

urlpatterns = [path("risk", views.risk, name="risk")]
