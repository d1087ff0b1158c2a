"""Kernels are warmed once beside the requests, which do not wait long for them."""

import threading

import pytest

from options import reading
from options.warming import PREPARING, Warming
from tests.options.kept import a_desk_leaves, a_tracked, list_options


def test_who_asks_first_begins_it_and_everybody_waits_for_the_same():
    done = []
    warming = Warming(lambda: done.append(1))
    warming.arm(after_s=3_600)

    assert (warming.is_done(patience_s=30), warming.is_done(patience_s=30), done) == (True, True, [1])


def test_after_a_while_it_begins_by_itself():
    begun = threading.Event()
    warming = Warming(begun.set)

    warming.arm(after_s=0)

    assert begun.wait(30)


def test_nobody_waits_beyond_their_patience():
    go_on = threading.Event()
    warming = Warming(lambda: go_on.wait(30) and None)
    warming.arm(after_s=3_600)

    is_done = warming.is_done(patience_s=0)
    go_on.set()

    assert not is_done
    assert warming.is_done(patience_s=30)


def test_what_nobody_armed_is_left_to_whoever_comes_first():
    assert Warming(lambda: pytest.fail("begun")).is_done()


def test_work_that_fails_is_over_and_whoever_asks_meets_it():
    def broken():
        raise OSError("no compiler")

    warming = Warming(broken)
    warming.arm(after_s=3_600)

    assert warming.is_done(patience_s=30)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["options/chain", "options/volatility", "oi/summary"])
def test_meanwhile_an_answer_has_its_shape_and_says_so(ours, monkeypatch, path):
    list_options()
    a_tracked(ours)
    a_desk_leaves(ours)
    go_on = threading.Event()
    warming = Warming(lambda: go_on.wait(30) and None)
    warming.arm(after_s=3_600)
    monkeypatch.setattr(warming, "is_done", lambda: Warming.is_done(warming, patience_s=0))
    monkeypatch.setattr(reading, "KERNELS", warming)

    answer = ours.get(f"/api/{path}?underlying=NIFTY")
    go_on.set()

    assert answer.status_code == 200
    assert answer.json()["said"] == [PREPARING]
