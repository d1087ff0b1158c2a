"""Addresses of a person's own security."""

from __future__ import annotations

from django.urls import path

from accounts import views

urlpatterns = [
    path(".well-known/security.txt", views.security_txt, name="security_txt"),
    path("account/security", views.security, name="security"),
    path("account/security/keys", views.key_add, name="key_add"),
    path("account/security/keys/<uuid:key_id>/revoke", views.key_revoke, name="key_revoke"),
    path("account/security/sessions/others/end", views.sessions_end_others, name="sessions_end_others"),
    path("account/security/sessions/<uuid:sign_in_id>/end", views.session_end, name="session_end"),
]
