from pathlib import Path

from config.demo import covered
from config.demo.covered import Covered, covered_of, domains


def a_file(*, branches, taken):
    summary = {"num_statements": 10, "covered_lines": 9, "num_branches": branches, "covered_branches": taken}
    return {"summary": summary}


def test_every_file_of_a_domain_counts_and_no_other_does():
    report = {
        "files": {
            "risk/domain/gate.py": a_file(branches=10, taken=10),
            "risk/domain/rules.py": a_file(branches=30, taken=28),
            "risk/services.py": a_file(branches=100, taken=0),
        }
    }

    (row,) = covered_of(report, ["risk/domain"])

    assert (row.domain, row.branches, row.branches_run, row.percent) == ("risk.domain", 40, 38, 95.0)


def test_a_domain_below_the_floor_is_not_enough():
    low = Covered(domain="risk.domain", lines=10, lines_run=10, branches=1000, branches_run=949)

    assert not low.is_enough
    assert "BELOW 95 %" in str(low)


def test_a_domain_without_a_branch_is_measured_by_its_lines():
    assert not Covered(domain="a.domain", lines=10, lines_run=9, branches=0, branches_run=0).is_enough


def test_a_domain_that_no_test_imports_is_not_enough():
    assert not Covered(domain="a.domain", lines=10, lines_run=0, branches=4, branches_run=0).is_enough


def test_every_domain_with_code_is_measured(tmp_path):
    for room, has_code in (("risk", True), ("options", False)):
        (tmp_path / room / "domain").mkdir(parents=True)
        if has_code:
            (tmp_path / room / "domain" / "gate.py").touch()

    assert domains(tmp_path) == ["risk/domain"]


def test_the_rooms_of_this_repository_are_found():
    assert {"brokers/domain", "execution/domain", "risk/domain", "strategies/domain"} <= set(domains())


def test_a_low_domain_fails_the_command(monkeypatch, capsys):
    monkeypatch.setattr(
        covered, "covered_of", lambda *_: [Covered(domain="a.domain", lines=1, lines_run=1, branches=9, branches_run=1)]
    )
    monkeypatch.setattr(covered, "_python", _pretend)

    assert covered.main([]) == 1
    assert "a.domain" in capsys.readouterr().out


def test_failing_tests_fail_the_command_whatever_is_covered(monkeypatch):
    monkeypatch.setattr(covered, "covered_of", lambda *_: [])
    monkeypatch.setattr(covered, "_python", lambda module, _: _pretend(module, _) or int(module[0] == "pytest"))

    assert covered.main([]) == 1


def _pretend(module, _environment):
    if module[:2] == ["coverage", "json"]:
        Path(module[-1]).write_text("{}")
    return 0
