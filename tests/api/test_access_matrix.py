"""Every endpoint, from the URL table, the API's schema, the websocket table and the task registry, for every caller."""

import contextlib
import logging
import re
from copy import copy
from functools import cache
from urllib.parse import urlencode

import pytest
from celery import current_app
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.urls import get_resolver
from django.urls.resolvers import URLResolver
from django_celery_beat.models import PeriodicTask
from drf_spectacular.generators import SchemaGenerator

from config.asgi import application
from config.routing import websocket_urlpatterns
from execution import append_only
from tests.api import access_table as table
from tests.api.access_cast import CANARY, Cast, api_client, page_client
from tests.people import a_key

METHODS = ("get", "post", "put", "patch", "delete")
NOT_A_REFUSAL = {401, 403, 404, 405}


@pytest.fixture(autouse=True)
def _nothing_leaves(settings, monkeypatch):
    """Let no request of the matrix reach a broker, a venue or a worker."""
    settings.WINDHOVER_KITE_API_URL = settings.WINDHOVER_KITE_STREAM_URL = "http://127.0.0.1:1"
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def routes(patterns=None, before=""):
    """Walk the URL table: each address as it is written there, with its view."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, address)
        else:
            yield address, pattern.callback


@cache
def operations():
    """List "METHOD address" of every API view of the URL table."""
    found = []
    for address, view in routes():
        if address.startswith("api/") and hasattr(view, "view_class"):
            found += [f"{name.upper()} {address}" for name in METHODS if hasattr(view.view_class, name)]
    return [*found, "GET api/<path:rest>", "POST api/<path:rest>"]


@cache
def pages():
    return [address for address, _ in routes() if not address.startswith("api/")]


def expected_of(operation):
    method, _, address = operation.partition(" ")
    for prefix, answers in table.API:
        wanted, _, beginning = prefix.partition(" ")
        if wanted in {"*", method} and address.startswith(beginning):
            return answers
    return None


def expected_of_page(address):
    if address in table.EXACT_PAGES:
        return table.EXACT_PAGES[address]
    return next((answers for beginning, answers in table.PAGES if address.startswith(beginning)), None)


def parts_of(address):
    return re.findall(r"<(?:\w+:)?(\w+)>", address)


def fill(address, cast):
    """Write an address with its parts filled in; a regular expression's become something that fits."""
    if "(?P" in address or "^" in address:
        return "/" + re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda part: _part(part[1], cast), address).translate(REGEXP)
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda part: _part(part[1], cast), address)


REGEXP = str.maketrans("", "", "^$\\")


def _part(name, cast):
    return str(table.PARTS.get(name, lambda _: "1")(cast))


@cache
def schema():
    """Return, of every operation of the schema, the fields of its query and body that are ids."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    components = document["components"]["schemas"]
    found = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            fields = {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] == "query"}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                fields |= components[name]["properties"] if name else {}
            ids = {name for name, about in fields.items() if about.get("format") == "uuid"}
            found[f"{method.upper()} {_as_table(path)}"] = (ids, {**fields})
    return found


def _as_table(path):
    return re.sub(r"\{(\w+)\}", r"<\1>", path.lstrip("/"))


def _plain(operation):
    return re.sub(r"<\w+:", "<", operation)


def requests(cast, operation, about):
    """Return what is asked of an operation: as its row says, else with the account where the query has one."""
    named = table.NAMED.get(operation)
    if named is not None:
        return named(cast)
    return {"account": cast.account.pk} if operation.startswith("GET") and "account" in about else {}


def send(client, operation, address, said):
    method = operation.partition(" ")[0].lower()
    if method in {"get", "delete"}:
        query = f"?{urlencode(said)}" if said else ""
        return getattr(client, method)(address + query)
    return getattr(client, method)(address, {key: _text(value) for key, value in said.items()}, format="json")


def _text(value):
    return str(value) if hasattr(value, "hex") and not isinstance(value, (bytes, float)) else value


def said_of(answer):
    code = ""
    if answer.headers.get("Content-Type", "").startswith("application/json") and answer.status_code >= 400:
        code = answer.json().get("error", {}).get("code", "")
    return f"{answer.status_code} {code}".strip()


def fits(answer, wanted):
    if wanted == "in":
        return answer.status_code < 500 and answer.status_code not in NOT_A_REFUSAL
    return said_of(answer) == wanted or (wanted == "404" and answer.status_code == 404)


def test_every_endpoint_of_the_api_has_a_row():
    assert [operation for operation in operations() if expected_of(operation) is None] == []


def test_every_endpoint_of_the_api_is_in_its_schema():
    unlisted = {"GET api/schema", "GET api/<rest>", "POST api/<rest>"}

    assert {_plain(operation) for operation in operations()} - unlisted == set(schema())


def test_every_field_that_is_an_id_has_a_row_that_says_whose():
    """Add the operation to NAMED in tests/api/access_table.py with a whole body or query."""
    missing = [
        f"{operation}: {', '.join(sorted(ids))}"
        for operation, (ids, _) in schema().items()
        if operation not in table.NAMED and ids - ({"account"} if operation.startswith("GET") else set())
    ]

    assert not missing, "\n".join(missing)


def test_every_page_has_a_row_and_every_part_of_an_address_is_known():
    api = [operation.partition(" ")[2] for operation in operations()]
    own = [address for address in pages() if not address.startswith("admin/")]
    parts = {part for address in (*api, *own) if "(?P" not in address for part in parts_of(address)}

    assert [address for address in own if expected_of_page(address) is None] == []
    assert parts - set(table.PARTS) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("caller", table.READ)
def test_every_endpoint_of_the_api_answers_a_caller_as_its_row_says(caller, fresh_redis):
    cast, about = Cast(), schema()
    cast.fill()
    client, wrong = api_client(caller, cast), []

    for operation in operations():
        wanted, address = expected_of(operation)[caller], operation.partition(" ")[2]
        said = requests(cast, operation, about.get(_plain(operation), (set(), {}))[1])
        if caller == "stranger" and wanted == "404" and not said and "<uuid:" not in address:
            # nothing of ours is named: the stranger asks for what is theirs
            wanted = "in"
        with transaction.atomic():
            answer = send(client, operation, fill(address, cast), said)
            transaction.set_rollback(True)
        if not fits(answer, wanted) or (caller == "stranger" and betrays(answer, cast)):
            wrong.append(f"{operation}: {said_of(answer)}, not {wanted}")

    assert not wrong, "\n".join(wrong)


def betrays(answer, cast):
    """Tell whether an answer holds anything of our desk."""
    said = answer.content.decode()
    return CANARY in said or str(cast.desk.pk) in said


@pytest.mark.django_db
@pytest.mark.parametrize("caller", table.PAGE)
def test_every_page_answers_a_caller_as_its_row_says(caller, fresh_redis):
    cast = Cast()
    cast.fill()
    client, wrong = page_client(caller, cast), []

    for address in pages():
        wanted, cookies = expected_of_page(address)[caller], copy(client.cookies)
        for method in ("get",) if address.startswith("admin/") else ("get", "post"):
            with transaction.atomic():
                answer = getattr(client, method)(fill(address, cast))
                transaction.set_rollback(True)
            client.cookies = copy(cookies)
            if not _page_fits(answer, wanted) or (caller == "stranger" and betrays(answer, cast)):
                led = answer.headers.get("Location", "")
                wrong.append(f"{method} {address}: {answer.status_code} {led}, not {wanted}")

    assert not wrong, "\n".join(wrong)


def _page_fits(answer, wanted):
    if answer.status_code >= 500:
        return False
    if wanted == "any" or answer.status_code == 405:
        return True
    led = answer.headers.get("Location", "")
    if wanted == "sign in":
        return answer.status_code == 302 and led.startswith(("/accounts/login", "/admin/login"))
    if wanted == "404":
        return answer.status_code == 404
    return answer.status_code not in {401, 403} and not led.startswith("/accounts/login")


def test_every_websocket_has_a_row():
    addresses = [str(pattern.pattern) for pattern in websocket_urlpatterns]

    assert [address for address in addresses if address] == list(table.SOCKETS)


@pytest.mark.django_db(transaction=True)
async def test_every_websocket_lets_in_whom_its_row_says(redis_url, settings):
    settings.REDIS_URL, settings.ALLOWED_HOSTS = redis_url, ["testserver"]
    await database_sync_to_async(append_only.protect)(connection)
    headers = await database_sync_to_async(_socket_headers)()
    try:
        seen = {
            address: {caller: await _closed_with(f"/{address}", said) for caller, said in headers.items()}
            for address in table.SOCKETS
        }
    finally:
        await database_sync_to_async(append_only.release)(connection)

    assert seen == table.SOCKETS


def _socket_headers():
    cast, host = Cast(), (b"host", b"testserver")
    expired = _header(api_key_expired(cast))
    return {
        "anonymous": [host, (b"origin", b"http://testserver")],
        "expired key": [host, expired],
        "foreign page": [host, (b"origin", b"https://elsewhere.example"), _header(a_key(cast.owner))],
    }


def api_key_expired(cast):
    text = a_key(cast.owner)
    cast.owner.api_keys.update(expires_at=cast.account.created_at)
    return text


def _header(key):
    return (b"authorization", f"Bearer {key}".encode())


async def _closed_with(address, headers):
    client = WebsocketCommunicator(application, address, headers=headers)
    await client.connect()
    return (await client.receive_output(timeout=3))["code"]


@pytest.fixture
def tasks():
    current_app.loader.import_default_modules()
    return {name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")}


def test_every_task_has_a_row(tasks):
    assert set(tasks) - set(table.TASKS) == set()


@pytest.mark.django_db
def test_what_the_schedule_starts_is_what_the_table_says():
    scheduled = {name for name, row in table.TASKS.items() if row == table.SCHEDULED}

    assert set(PeriodicTask.objects.values_list("task", flat=True)) - scheduled == set()


@pytest.mark.django_db
def test_a_task_about_a_row_that_nobody_has_changes_nothing(tasks, fresh_redis):
    cast = Cast()
    cast.fill()
    before = _rows()

    for name, row in table.TASKS.items():
        if row == table.SCHEDULED or not row or name not in tasks:
            continue
        with contextlib.suppress(ObjectDoesNotExist), transaction.atomic():
            tasks[name](**{key: str(make()) for key, make in row.items()})

    assert _rows() == before


def _rows():
    return {model._meta.label: model._base_manager.count() for model in apps.get_models() if model._meta.managed}
