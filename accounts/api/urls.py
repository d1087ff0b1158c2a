"""Addresses of a person's own keys."""

from __future__ import annotations

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("account/keys", views.Keys.as_view()),
    path("account/keys/revoke", views.KeyRevoke.as_view()),
]
