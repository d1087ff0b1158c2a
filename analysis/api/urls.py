"""Addresses of the analysis, at the paths that the requirements name."""

from __future__ import annotations

from django.urls import path

from analysis.api import views

urlpatterns = [
    path("analysis/status", views.ScanStatus.as_view()),
    path("analysis/scan", views.ScanAsk.as_view()),
    path("analysis/results", views.ScanResults.as_view()),
]
