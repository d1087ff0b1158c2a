"""Addresses of what venues say."""

from __future__ import annotations

from django.urls import path

from brokers.api.instruments import Instruments
from brokers.api.views import Holdings, Margins, Profile

urlpatterns = [
    path("profile", Profile.as_view()),
    path("margins", Margins.as_view()),
    path("instruments", Instruments.as_view()),
    path("holdings", Holdings.as_view()),
]
