import json

import pytest

from brokers.domain.errors import DataError
from strategies.agents.consensus import Guard
from strategies.agents.cycle import VERSION, replay
from strategies.agents.roster import KEYS
from strategies.agents.vote import Stance
from tests.agents.markets import RANGE, a_decision, a_snapshot, a_walk, some_readings, vote_by


def test_a_record_holds_inputs_and_outcome_and_replays_to_the_same_bytes():
    for seed in range(40):
        snapshot = a_snapshot(
            a_walk(seed, drift=(seed % 3 - 1) * 5e-4), readings=some_readings(imbalance=seed / 20 - 1)
        )
        record = a_decision(snapshot, records={"trend": 1.4}, base_rates={"trend": 0.47}).record()

        assert replay(record) == record
        assert json.loads(record)["digest"] == snapshot.digest


def test_equal_inputs_give_equal_bytes():
    assert a_decision(a_snapshot()).record() == a_decision(a_snapshot()).record()


def test_a_changed_input_changes_the_replay():
    document = json.loads(a_decision(a_snapshot(a_walk(3, drift=8e-4))).record())
    document["snapshot"]["fields"]["adx_14"]["value"] = 1.0
    forged = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert replay(forged) != forged


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b'{"version":1}', b'{"version":99}'])
def test_what_is_no_record_is_refused(record):
    with pytest.raises(DataError):
        replay(record)


def test_the_weight_is_record_times_regime():
    decision = a_decision(records={"trend": 1.2, "reversion": 0.5})

    assert decision.weights["trend"].value == pytest.approx(1.2 * 1.3)
    assert decision.weights["reversion"].value == pytest.approx(0.5 * 0.7)
    assert a_decision(regime=RANGE).weights["trend"].value == 0.7


def test_a_stopped_agent_is_not_asked():
    decision = a_decision(stopped=frozenset({"trend", "reasoner"}))

    assert vote_by(decision, "trend").stance is Stance.ABSTAIN
    assert "stopped by hand" in vote_by(decision, "reasoner").thesis.text
    assert decision.consensus.asked == len(KEYS) - 2


def test_without_data_nobody_votes_and_nothing_is_signalled():
    decision = a_decision(a_snapshot(a_walk(bars=3), readings={}))

    assert decision.consensus.voted == 0
    assert decision.consensus.guard is Guard.PARTICIPATION
    assert decision.consensus.side == 0


def test_a_vote_in_the_record_says_what_it_claims():
    document = a_decision(base_rates={"trend": 0.45}).document()
    row = next(vote for vote in document["votes"] if vote["agent"] == "trend")

    assert document["version"] == VERSION
    assert row["probability"] == pytest.approx(0.45 + row["score"] / 4)
    assert set(document["terms"]["rules"]) == {"participation", "threshold", "agreement"}
