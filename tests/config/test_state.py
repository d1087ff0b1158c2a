from config.demo.state import State


def test_every_start_is_a_new_exchange(tmp_path):
    state = State(folder=tmp_path)
    state.empty_database.write_bytes(b"empty")
    for name in ("windhover.sqlite3", "windhover.sqlite3-wal", "journal-tips.jsonl"):
        (tmp_path / name).write_bytes(b"of an earlier exchange")
    (tmp_path / "sendlog").mkdir()

    state.begin_anew()

    assert state.database.read_bytes() == b"empty"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.sqlite3", "windhover.sqlite3"]
