import ast

import pytest

from tests.architecture.tree import called_name, calls, parsed

SENDERS = {"send_task", "enqueue", "signature"}


def sent_names():
    for name, tree in parsed():
        for call in calls(tree):
            if called_name(call) in SENDERS and call.args and isinstance(call.args[0], ast.Constant):
                yield name, call.args[0].value
            for keyword in call.keywords:
                if keyword.arg == "task" and isinstance(keyword.value, ast.Constant):
                    yield name, keyword.value.value


@pytest.fixture(scope="module")
def registered():
    from config.celery import app

    app.loader.import_default_modules()
    return set(app.tasks)


def test_every_task_name_that_is_sent_is_registered(registered):
    missing = {
        f"{task} (sent by {name})" for name, task in sent_names() if isinstance(task, str) and task not in registered
    }

    assert missing == set()


def test_the_apps_register_tasks_under_their_own_names(registered):
    ours = {name for name in registered if not name.startswith(("celery.", "django_celery_beat."))}

    assert ours
    assert all(
        name.split(".")[0]
        in {"accounts", "analysis", "brokers", "config", "execution", "notifications", "options", "risk", "strategies"}
        for name in ours
    )
