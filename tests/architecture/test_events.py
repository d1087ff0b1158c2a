from typing import get_args

from execution.domain.events import Event
from tests.architecture.tree import called_name, calls, parsed


def test_the_engine_hears_only_of_events_that_its_shell_tells():
    told = {
        called_name(call) for name, tree in parsed() if name.startswith("execution/runtime/") for call in calls(tree)
    }

    assert {event.__name__ for event in get_args(Event)} <= told
