"""Addresses of a person's own security."""

from __future__ import annotations

from django.urls import path

from accounts import views

urlpatterns = [
    path("account/security", views.security, name="security"),
    path("account/security/sessions/others/end", views.sessions_end_others, name="sessions_end_others"),
    path("account/security/sessions/<uuid:sign_in_id>/end", views.session_end, name="session_end"),
]
