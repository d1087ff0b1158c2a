from datetime import timedelta

import pytest

from accounts.models import ApiKey
from accounts.selectors import api_key_find
from accounts.services import api_key_create, api_key_revoke, api_key_touch
from tests.people import NOON, a_key, a_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_a_key_is_found_by_its_text_alone():
    text = a_key(a_user(), at=NOON)

    assert api_key_find(key=text, at=NOON) is not None
    assert api_key_find(key=text[:-1] + "x", at=NOON) is None


def test_the_text_of_a_key_is_kept_nowhere():
    _, text = api_key_create(user=a_user(), label="program", at=NOON, lifetime=HOUR)

    row = ApiKey.objects.values().get()

    assert text not in str(row)
    assert len(text) >= 43


def test_an_expired_key_is_nobody():
    text = a_key(a_user(), at=NOON, lifetime=HOUR)

    assert api_key_find(key=text, at=NOON + HOUR - timedelta(seconds=1)) is not None
    assert api_key_find(key=text, at=NOON + HOUR) is None


def test_a_revoked_key_is_nobody():
    user = a_user()
    key, text = api_key_create(user=user, label="program", at=NOON, lifetime=HOUR)

    api_key_revoke(key=key, at=NOON, by=user)

    assert api_key_find(key=text, at=NOON) is None


def test_the_key_of_a_user_who_left_is_nobody():
    user = a_user()
    text = a_key(user, at=NOON)
    type(user).objects.filter(pk=user.pk).update(is_active=False)

    assert api_key_find(key=text, at=NOON) is None


def test_use_is_noted_once_a_minute(django_assert_num_queries):
    key, _ = api_key_create(user=a_user(), label="program", at=NOON, lifetime=HOUR)
    api_key_touch(key=key, at=NOON)
    key.refresh_from_db()

    with django_assert_num_queries(0):
        api_key_touch(key=key, at=NOON + timedelta(seconds=30))

    assert key.last_used_at == NOON
