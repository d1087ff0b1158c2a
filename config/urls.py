"""Addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from brokers import views as broker_views
from config.errors import nothing_here
from config.health import health
from execution import views as execution_views

urlpatterns = [
    path("", execution_views.desk, name="desk"),
    path("health", health),
    path("brokers/<uuid:account_id>/login", broker_views.begin, name="venue_login"),
    path("brokers/login/return", broker_views.finish, name="venue_login_return"),
    path("postbacks/<str:door>", broker_views.postback, name="postback"),
    path("api/", include("brokers.api.urls")),
    path("api/", include("execution.api.urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/<path:rest>", nothing_here),
    path("accounts/", include("allauth.urls")),
    # One sign-in for everybody, with its lockout and second factor.
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.failed"
