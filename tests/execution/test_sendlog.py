import os
import subprocess
import sys
from pathlib import Path

import pytest

from brokers.domain.errors import DataError
from execution.runtime.sendlog import MARK_BYTES, Evidence, SendLog, discard_before, evidence

ACCOUNT = "6a1f0f8e-0000-4000-8000-000000000001"


def ask(folder, client_id, *, token=7, boot_id="boot"):
    return evidence(folder, account_id=ACCOUNT, token=token, client_id=client_id, boot_id=boot_id)


def a_log(folder, *, token=7, boot_id="boot"):
    return SendLog(folder, account_id=ACCOUNT, token=token, boot_id=boot_id)


def test_an_order_without_a_mark_was_never_sent(tmp_path):
    log = a_log(tmp_path)
    log.mark("WAAB1200000001")
    log.close()

    assert ask(tmp_path, "WAAB1200000001") is Evidence.MAY_BE_SENT
    assert ask(tmp_path, "WAAB1200000002") is Evidence.NOT_SENT


def test_a_mark_takes_sixteen_bytes(tmp_path):
    log = a_log(tmp_path)
    before = log.path.stat().st_size
    log.mark("WAAB1200000001")

    assert log.path.stat().st_size - before == MARK_BYTES == 16
    log.close()


def test_a_living_writer_may_have_sent_anything(tmp_path):
    log = a_log(tmp_path)

    assert ask(tmp_path, "WAAB1200000001") is Evidence.MAY_BE_SENT
    log.close()


def test_another_boot_proves_nothing(tmp_path):
    a_log(tmp_path, boot_id="yesterday").close()

    assert ask(tmp_path, "WAAB1200000001") is Evidence.MAY_BE_SENT


def test_a_missing_log_proves_nothing(tmp_path):
    assert ask(tmp_path, "WAAB1200000001") is Evidence.MAY_BE_SENT


def test_two_processes_cannot_share_a_log(tmp_path):
    log = a_log(tmp_path)

    with pytest.raises(DataError, match="held by another process"):
        a_log(tmp_path)
    log.close()


def test_a_mark_outlives_a_killed_writer(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from execution.runtime.sendlog import SendLog\n"
        f"log = SendLog(Path(sys.argv[1]), account_id='{ACCOUNT}', token=7, boot_id='boot')\n"
        "log.mark('WAAB1200000001'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False, timeout=30)

    assert ask(tmp_path, "WAAB1200000001") is Evidence.MAY_BE_SENT
    assert ask(tmp_path, "WAAB1200000002") is Evidence.NOT_SENT


def test_logs_of_older_tokens_can_go(tmp_path):
    a_log(tmp_path, token=6).close()
    a_log(tmp_path, token=7).close()

    discard_before(tmp_path, account_id=ACCOUNT, token=7)

    assert [path.name for path in tmp_path.iterdir()] == [f"{ACCOUNT}-7.log"]
