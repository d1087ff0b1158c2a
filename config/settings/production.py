"""A desk behind TLS, on PostgreSQL and Redis."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.environment import environment
from config.settings.base import *  # noqa: F403
from config.settings.guard import objections

if _found := objections(environment):
    raise ImproperlyConfigured(" ".join(_found))

DEBUG = False
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# Whether a domain goes on the browsers' own lists, for all its hosts and for good, is its owner's to decide.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
# A load balancer asks for the health of the process over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
