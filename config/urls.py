"""Addresses."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from brokers import views as broker_views
from config.errors import nothing_here
from config.health import health
from execution import account_views, order_views
from execution import views as execution_views

urlpatterns = [
    path("", execution_views.desk, name="desk"),
    path("health", health),
    path("", include("analysis.urls")),
    path("brokers/accounts", account_views.accounts_list, name="trading_accounts"),
    path("brokers/accounts/connect", account_views.connect, name="account_connect"),
    path("brokers/accounts/<uuid:account_id>", account_views.account_page, name="account_page"),
    path("brokers/accounts/<uuid:account_id>/connect/<slug:step>", account_views.step, name="account_step"),
    path("brokers/accounts/<uuid:account_id>/<slug:verb>", account_views.act, name="account_act"),
    path("brokers/<uuid:account_id>/login", account_views.login, name="venue_login"),
    path("brokers/login/return", broker_views.finish, name="venue_login_return"),
    path("orders/<uuid:order_id>", order_views.order, name="order"),
    path("exceptions", order_views.exceptions, name="exceptions"),
    path("", include("options.urls")),
    path("", include("strategies.urls")),
    path("", include("risk.urls")),
    path("postbacks/<str:door>", broker_views.postback, name="postback"),
    path("api/", include("accounts.api.urls")),
    path("api/", include("brokers.api.urls")),
    path("api/", include("analysis.api.urls")),
    path("api/", include("options.api.urls")),
    path("api/", include("strategies.api.urls")),
    path("api/", include("execution.api.urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/<path:rest>", nothing_here),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    # One sign-in for everybody, with its lockout and second factor.
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
]

if settings.WINDHOVER_DEMO:
    from config import operations

    urlpatterns[:0] = [
        path("operations", operations.page, name="operations"),
        path("operations/state", operations.state, name="operations_state"),
        path("operations/faults", operations.switch, name="operations_faults"),
    ]

admin.site.site_title = admin.site.site_header = "Windhover"
admin.site.index_title = "Administration"

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.failed"
