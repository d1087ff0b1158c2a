"""Fault scripts: read strictly, used up in order."""

import pytest

from brokers.simulator.fault_rules import FaultInvalid, FaultKind
from brokers.simulator.faults import Fault, FaultScript, fault_from


def test_fault_is_used_as_often_as_it_says():
    script = FaultScript()
    script.add(Fault(kind=FaultKind.STATUS_BEFORE, method="POST", path="/orders", count=2))

    def take(method, path):
        return script.take(FaultKind.STATUS_BEFORE, account="AB1234", method=method, path=path)

    assert take("GET", "/orders") is None
    assert take("POST", "/session/token") is None
    assert take("POST", "/orders/regular") is not None
    assert take("POST", "/orders/regular") is not None
    assert take("POST", "/orders/regular") is None
    assert len(script) == 0


def test_fault_for_one_account_leaves_the_others_alone():
    script = FaultScript()
    script.add(Fault(kind=FaultKind.LOSE_REPLY, account="AB1234"))

    assert script.take(FaultKind.LOSE_REPLY, account="CD5678", method="POST", path="/orders") is None
    assert script.take(FaultKind.LOSE_REPLY, account="AB1234", method="POST", path="/orders") is not None


@pytest.mark.parametrize(
    "data",
    [[], {"kind": "nonsense"}, {"kind": "lose_reply", "count": "two"}, {"kind": "lose_reply", "sideways": 1}, None],
)
def test_wrong_script_is_refused(data):
    with pytest.raises(FaultInvalid):
        fault_from(data)


def test_script_is_read_from_plain_data():
    fault = fault_from({"kind": "silent_socket", "seconds": 2.5, "account": "AB1234"})

    assert (fault.kind, fault.seconds, fault.is_immediate) == (FaultKind.SILENT_SOCKET, 2.5, True)
