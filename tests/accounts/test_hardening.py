"""What a desk run for real insists on, and what every answer tells browsers."""

import base64
import runpy
import secrets

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from config.environment import Environment
from config.settings import guard
from tests.people import a_user

PASSWORD = "correct horse battery"
VAULT_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
GOOD = {"secret_key": secrets.token_urlsafe(48), "vault_keys": f"k1:{VAULT_KEY}"}
# files are served by the storage that the suite has, and the database is the suite's
LEFT = {
    "STORAGES",
    "DATABASES",
    "STATIC_ROOT",
    "EMAIL_BACKEND",
    "EMAIL_FILE_PATH",
    "PASSWORD_HASHERS",
    "LOGGING",
    "STATE",
}


def an_environment(**changes):
    return Environment(**{**GOOD, **changes}, _env_file=None)


def production(monkeypatch, **changes):
    """Run the production settings under an environment and return what they set."""
    for name in ("config.environment.environment", "config.settings.base.environment"):
        monkeypatch.setattr(name, an_environment(**changes))
    found = runpy.run_module("config.settings.production")
    return {name: value for name, value in found.items() if name.isupper() and name not in LEFT}


@pytest.fixture
def for_real(monkeypatch):
    values = {**production(monkeypatch), "SECRET_KEY": GOOD["secret_key"], "ALLOWED_HOSTS": ["testserver"]}
    with override_settings(**values):
        yield


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"demo": True}, "WINDHOVER_DEMO"),
        ({"debug": True}, "WINDHOVER_DEBUG"),
        ({"secret_key": next(iter(guard.KNOWN_SECRET_KEYS))}, "WINDHOVER_SECRET_KEY is one that stands"),
        ({"secret_key": "django-insecure-" + "abcdefgh" * 6}, "WINDHOVER_SECRET_KEY is one that stands"),
        ({"secret_key": "abcdefgh" * 5}, "at least 50"),
        ({"secret_key": "a" * 60}, "at least 50"),
        ({"vault_keys": f"t1:{next(iter(guard.KNOWN_VAULT_KEYS))}"}, "vault key t1"),
        ({"vault_keys": f"k1:{VAULT_KEY},k0:{base64.urlsafe_b64encode(bytes(32)).decode()}"}, "vault key k0"),
    ],
)
def test_a_desk_with_guessable_settings_does_not_run_for_real(monkeypatch, changes, sentence):
    with pytest.raises(ImproperlyConfigured) as refused:
        production(monkeypatch, **changes)

    assert sentence in str(refused.value)
    assert not any(str(value) in str(refused.value) for value in changes.values() if value is not True)


def test_a_desk_without_a_vault_key_does_not_run_at_all():
    with pytest.raises(ValueError, match="vault_keys"):
        an_environment(vault_keys="")


def test_the_check_of_a_deployment_finds_nothing(for_real):
    assert [
        f"{found.id}: {found.msg}" for found in run_checks(include_deployment_checks=True) if not found.is_silenced()
    ] == []


@pytest.mark.django_db
def test_every_page_tells_browsers_to_be_strict(for_real):
    headers = Client().get("/accounts/login/", secure=True).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/orders", "/api/nothing", "/nothing"])
def test_answers_that_are_no_pages_are_as_strict(for_real, path):
    headers = Client().get(path, secure=True).headers

    assert {"Content-Security-Policy", "Permissions-Policy", "Strict-Transport-Security"} <= set(headers)


@pytest.mark.django_db
def test_cookies_stay_on_this_site_under_tls_and_from_scripts(for_real):
    client, user = Client(), a_user(password=PASSWORD)
    client.get("/accounts/login/", secure=True)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}, secure=True)

    for name in ("windhover_session", "windhover_device", "windhover_csrf"):
        cookie = client.cookies[name]
        assert (bool(cookie["secure"]), cookie["samesite"]) == (True, "Lax"), name
    assert all(client.cookies[name]["httponly"] for name in ("windhover_session", "windhover_device"))


def test_plain_http_leads_to_tls(for_real):
    answer = Client().get("/accounts/login/")

    assert (answer.status_code, answer.url) == (301, "https://testserver/accounts/login/")


def test_whom_to_tell_of_a_weakness_is_said_where_it_is_looked_for(client, settings):
    settings.WINDHOVER_OWNER_EMAIL = "owner@example.com"

    said = client.get("/.well-known/security.txt").content.decode()

    assert "Contact: mailto:owner@example.com\n" in said
    assert "\nExpires: 20" in said
