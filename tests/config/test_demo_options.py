import pytest

from brokers.simulator import options as simulator
from config.demo import desk
from config.demo.errors import SetupError
from config.demo.options import parse


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "bars.parquet"
    path.write_bytes(b"")
    return path


def arguments(*given):
    return desk._simulator_arguments(parse(["--port", "18000", *given]))


def test_a_recording_of_perpetuals_is_moved_onto_the_other_markets_dates(recording):
    given = arguments("--aster-replay", str(recording))

    assert given[given.index("--aster-replay") + 1] == str(recording)
    assert given[given.index("--aster-shift") + 1] == "kite"


def test_a_declared_shift_and_a_beginning_are_handed_on(recording):
    given = arguments(
        "--aster-replay", str(recording), "--aster-shift", "12", "--aster-replay-from", "2025-04-05T00:00:00"
    )

    assert given[given.index("--aster-shift") + 1] == "12"
    assert given[given.index("--aster-replay-from") + 1] == "2025-04-05T00:00:00"


def test_without_a_recording_there_is_nothing_to_shift():
    assert "--aster-shift" not in arguments()


def test_the_simulator_knows_every_argument_that_the_demo_hands_it(recording):
    import argparse

    parser = argparse.ArgumentParser()
    simulator.add_arguments(parser)

    parser.parse_args(arguments("--aster-replay", str(recording), "--replay", str(recording), "--follow", "10"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--aster-replay", "/no/such/file"], "There is no replay file"),
        (["--aster-shift", "3"], "name it by --aster-replay"),
        (["--aster-replay-from", "2025-04-05"], "name it by --aster-replay"),
    ],
)
def test_a_recording_that_cannot_be_replayed_is_told_in_a_sentence(given, sentence):
    with pytest.raises(SetupError, match=sentence):
        parse(["--port", "18000", *given])
