"""A desk behind TLS, on PostgreSQL and Redis."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.environment import environment
from config.settings.base import *  # noqa: F403

if environment.demo or environment.debug:
    raise ImproperlyConfigured("WINDHOVER_DEMO and WINDHOVER_DEBUG are for one's own machine, not for production.")

DEBUG = False
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# A load balancer asks for the health of the process over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
