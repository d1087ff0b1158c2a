import pytest
from rest_framework.test import APIClient

from brokers.hub import sync_redis
from tests.people import a_desk, a_key, an_account, bearer


class Caller:
    """A desk with one simulated account, and a client that calls with its owner's key."""

    def __init__(self, **account):
        self.desk = a_desk()
        self.user = self.desk.memberships.get().user
        self.account = an_account(self.desk, owner=self.user, **account)
        self.client = client_of(self.user)

    def get(self, path, **headers):
        return self.client.get(path, headers=headers)

    def post(self, path, body=None, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, body if body is not None else {}, format="json", headers=names)


def client_of(user, **key):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=bearer(a_key(user, **key))["Authorization"])
    return client


@pytest.fixture
def ours(db, fresh_redis):
    return Caller()


@pytest.fixture
def theirs(db):
    return Caller()


@pytest.fixture
def anybody(db):
    return APIClient(raise_request_exception=False)


@pytest.fixture
def fresh_redis(redis_url, settings):
    """Let the process's own client be one to this run's Valkey."""
    settings.REDIS_URL = redis_url
    sync_redis.cache_clear()
    yield
    sync_redis.cache_clear()
