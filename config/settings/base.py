"""Settings of the embedded desk; production and test say what differs."""

from __future__ import annotations

import os
from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE

from config.databases import database_from
from config.environment import ROOT, environment, parse_vault_keys
from config.logs import logging_settings

VERSION = "0.1.0"
STATE = environment.state
DEMO = environment.demo
DEBUG = environment.debug
SECRET_KEY = environment.secret_key.get_secret_value()
VAULT_KEYS = parse_vault_keys(environment.vault_keys.get_secret_value())
REDIS_URL = environment.redis_url
CELERY_BROKER_URL = environment.celery_broker_url

# Rooms below `config` read these; none of them may import the environment itself.
WINDHOVER_STATE = environment.state
WINDHOVER_DEMO = environment.demo
WINDHOVER_PROCESS = environment.process
WINDHOVER_KITE_API_URL = environment.kite_api_url
WINDHOVER_KITE_STREAM_URL = environment.kite_stream_url
WINDHOVER_KITE_LOGIN_URL = environment.kite_login_url
WINDHOVER_ASTER_API_URL = environment.aster_api_url
WINDHOVER_ASTER_STREAM_URL = environment.aster_stream_url
WINDHOVER_ASTER_USER_STREAM_URL = environment.aster_user_stream_url or environment.aster_stream_url
WINDHOVER_ASTER_CHAIN_ID = environment.aster_chain_id
WINDHOVER_ASTER_TESTNET_API_URL = environment.aster_testnet_api_url
WINDHOVER_ASTER_TESTNET_STREAM_URL = environment.aster_testnet_stream_url
WINDHOVER_ASTER_TESTNET_USER_STREAM_URL = (
    environment.aster_testnet_user_stream_url or environment.aster_testnet_stream_url
)
WINDHOVER_ASTER_TESTNET_CHAIN_ID = environment.aster_testnet_chain_id
WINDHOVER_USDT_INR = environment.usdt_inr
WINDHOVER_USDT_INR_ON = environment.usdt_inr_on
WINDHOVER_USDT_PAR_FRACTION = environment.usdt_par_fraction
WINDHOVER_OWNER_EMAIL = environment.owner_email
WINDHOVER_FIRST_ASTER_KEY = environment.aster_api_key
WINDHOVER_FIRST_ASTER_SECRET = environment.aster_secret_key
WINDHOVER_SIMULATOR_URL = environment.simulator_url
WINDHOVER_SITE_URL = environment.site_url
WINDHOVER_EGRESS_PROXIES = environment.egress_proxies
WINDHOVER_ADDRESS_ECHO_URL = environment.address_echo_url
WINDHOVER_CLOCK_TOLERANCE_S = environment.clock_tolerance_s
WINDHOVER_KITE_ALLOWANCE = environment.kite_allowance
WINDHOVER_LEASE_TTL_S = environment.lease_ttl_s
WINDHOVER_LEASE_RENEW_S = environment.lease_renew_s
WINDHOVER_FEED_SILENCE_S = environment.feed_silence_s
WINDHOVER_FEED_FOLLOW = environment.feed_follow
WINDHOVER_FEED_FOLLOW_MODE = environment.feed_follow_mode
WINDHOVER_OPTIONS_RATE = environment.options_rate
WINDHOVER_CHAIN_DAYS = environment.chain_days
WINDHOVER_CHAIN_ALERT_DAYS = environment.chain_alert_days
WINDHOVER_ALERT_LOG_DAYS = environment.alert_log_days

ALLOWED_HOSTS = list(environment.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(environment.trusted_origins)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "config.apps.ConfigConfig",
    "accounts.apps.AccountsConfig",
    "brokers.apps.BrokersConfig",
    "analysis.apps.AnalysisConfig",
    "options.apps.OptionsConfig",
    "strategies.apps.StrategiesConfig",
    "risk.apps.RiskConfig",
    "execution.apps.ExecutionConfig",
    "notifications.apps.NotificationsConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
    "django_structlog",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "accounts.middleware.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SessionBindingMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

DATABASES = {"default": database_from(environment.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Rate limits of the sign-in page; lockouts are kept in the database.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Everything is stored and sent in UTC; pages show the exchange's time. Celery takes its zone from here, and without
# it logs in Chicago's.
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LANGUAGE_CODE = "en"

STATIC_URL = "static/"
STATIC_ROOT = ROOT / "staticfiles"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# A newcomer to the demo holds the password of its ready line, and no mailbox.
LOGIN_URL = "account_login" if DEMO else "account_request_login_code"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.sign_in.SignInAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# The adapter writes that letter and throws it away, so that an unknown address costs what a known one does.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Windhover: "
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "request_login_code": "accounts.sign_in.RequestCodeForm",
    "confirm_login_code": "accounts.sign_in.ConfirmCodeForm",
}
MFA_ADAPTER = "accounts.second_factor.SealedSecrets"
MFA_FORMS = {
    "authenticate": "accounts.sign_in.SecondFactorForm",
    "reauthenticate": "accounts.sign_in.SecondFactorAgainForm",
}
# Nobody signs up alone: whose address it is was settled by who added the person.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Windhover"
# Whoever holds a stolen session could turn one on: it counts for what loosens once its person had time to read the letter.
WINDHOVER_SECOND_FACTOR_COUNTS_AFTER_H = 24

AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "accounts.sign_in.tried_name"
AXES_SENSITIVE_PARAMETERS: list[str] = []
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False

SESSION_COOKIE_NAME = "windhover_session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "windhover_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "config.errors.forbidden_by_csrf"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The desk asks no browser for any of these; copying an address to the clipboard is all it does.
PERMISSIONS_POLICY = (
    "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
    "midi=(), payment=(), publickey-credentials-get=(self), usb=(), clipboard-write=(self)"
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        # The chart library places its elements by style attributes.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.MayCall"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "brokers.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "accounts.schema.RoomSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# What a key must be allowed for a call: the first row of method, address and scope that fits. Any other read needs
# `read`, any other write `trade`.
WINDHOVER_API_SCOPES = (
    # questions that are too long for an address
    ("POST", "/api/options/builder/legs", "read"),
    ("POST", "/api/options/builder/evaluate", "read"),
    ("POST", "/api/risk/", "risk"),
    ("", "/api/account/", "admin"),
)
SPECTACULAR_SETTINGS = {
    "TITLE": "Windhover",
    "DESCRIPTION": "The desk's API. Amounts and quantities are strings, times RFC 3339 UTC.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    # by their values, in the order of the fields
    "ENUM_NAME_OVERRIDES": {
        "BookEnum": ["live", "paper"],
        "ProductEnum": ["CNC", "MIS", "NRML", "PERP"],
        "OptionProductEnum": ["NRML", "MIS"],
    },
    "SERVE_PERMISSIONS": ["accounts.permissions.MayCall"],
}

EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.email_from
SERVER_EMAIL = environment.email_from
if environment.email_host:
    EMAIL_HOST = environment.email_host
    EMAIL_PORT = environment.email_port
    EMAIL_HOST_USER = environment.email_user
    EMAIL_HOST_PASSWORD = environment.email_password.get_secret_value()
    EMAIL_USE_TLS = environment.email_use_tls
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = STATE / "mail"
MAIL_IN_BACKGROUND = True

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = 10
DJANGO_STRUCTLOG_STATUS_2XX_LOG_LEVEL = 10
LOGGING = logging_settings(
    level=environment.log_level, process=os.environ.get("WINDHOVER_PROCESS", environment.process)
)
