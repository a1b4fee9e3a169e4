"""The report for CI servers: what each verdict becomes, and whether every parser can read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.console.evidence import passed
from chaos_engine.console.junit_report import JunitReport
from chaos_engine.console.outcome import code_of
from chaos_engine.course import Finished
from chaos_engine.junit import Case, document
from chaos_engine.model import Cleanup, Judged, Outcome, Ran, Recovered, Result, Verdict, Witness
from chaos_engine.written import ConfigError
from tests.junit_rules import outcomes, suite_of
from tests.unit.life_story import ERRORS, judged, plan

RESULTS = {
    Verdict.SUPPORTED: Result(Ran.COMPLETED, Judged.SUPPORTED),
    Verdict.UNJUDGED: Result(Ran.COMPLETED),
    Verdict.NOT_SUPPORTED: Result(Ran.COMPLETED, Judged.NOT_SUPPORTED),
    Verdict.INCONCLUSIVE: Result(Ran.COMPLETED, Judged.INCONCLUSIVE),
    Verdict.NO_EFFECT: Result(Ran.COMPLETED, Judged.SUPPORTED, witness=Witness.NOT_FELT),
    Verdict.STEADY_STATE_NOT_MET: Result(Ran.SKIPPED),
    Verdict.FAILED: Result(Ran.FAILED),
    Verdict.ABORTED: Result(Ran.ABORTED),
    Verdict.INTERRUPTED: Result(Ran.INTERRUPTED),
}
FILES = (Path("slow/shop.chaos.yml"), Path("/srv/crash.json"))


def ended(result: Result) -> Finished:
    return Finished("e7", plan(title="the shop stays usable"), 1_700_000_000.0, result, ())


def written(folder: Path, result: Result) -> tuple[str, str, str]:
    file = folder / "out.xml"
    JunitReport(file, FILES[:1]).ended(0, ended(result), 1.5)
    (found,) = outcomes(suite_of(file))
    return found


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_verdict_has_its_outcome(tmp_path: Path, verdict: Verdict) -> None:
    assert RESULTS[verdict].verdict is verdict
    kind = {"supported": "pass", "unjudged": "pass", "not_supported": "failure"}.get(verdict.value, "error")
    name = "" if kind == "pass" else verdict.value
    assert written(tmp_path, RESULTS[verdict])[1:] == (kind, name)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("cleanup", list(Cleanup))
def test_only_what_exits_0_is_green(verdict: Verdict, cleanup: Cleanup) -> None:
    assert passed(ended(replace(RESULTS[verdict], cleanup=cleanup))) is (code_of(verdict, cleanup) == 0)


def test_what_could_not_be_cleared_is_an_error_whatever_held(tmp_path: Path) -> None:
    left = replace(RESULTS[Verdict.SUPPORTED], cleanup=Cleanup.LEFT)
    assert written(tmp_path, left)[1:] == ("error", "left")


def test_a_test_has_its_evidence_and_its_properties(tmp_path: Path) -> None:
    file = tmp_path / "out.xml"
    broken = replace(
        RESULTS[Verdict.NOT_SUPPORTED], reason="errors: is broken",
        judgements=(judged(ERRORS, Outcome.BROKEN),),
        time_to_recover=2.0, recovery=Recovered.RECOVERED,
    )  # fmt: skip
    report = JunitReport(file, FILES)
    report.named(["the shop stays usable", "another"])
    report.ended(0, ended(broken), 1.5)
    first, second = suite_of(file).iter("testcase")
    assert first.attrib == {"name": "the shop stays usable", "classname": "slow.shop", "time": "1.500"}
    failure = first.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "not_supported: errors: is broken"
    assert "verdict    not_supported" in str(failure.text)
    assert "broken     errors" in str(failure.text)
    properties = {p.attrib["name"]: p.attrib["value"] for p in first.iter("property")}
    assert properties.items() >= {
        "file": "slow/shop.chaos.yml", "experiment": "e7", "verdict": "not_supported", "scenario": "crash",
        "target": "a", "time_to_recover": "2.000",
    }.items()  # fmt: skip
    assert second.attrib["classname"] == "srv.crash"


def test_a_green_test_has_its_evidence_too(tmp_path: Path) -> None:
    file = tmp_path / "out.xml"
    JunitReport(file, FILES[:1]).ended(0, ended(RESULTS[Verdict.SUPPORTED]), 1.5)
    out = suite_of(file).find("testcase/system-out")
    assert out is not None
    assert "verdict    supported" in str(out.text)


def test_until_it_has_been_run_a_test_is_red(tmp_path: Path) -> None:
    file = tmp_path / "out.xml"
    report = JunitReport(file, FILES)
    assert {found[1:] for found in outcomes(suite_of(file))} == {("error", "not_run")}
    report.ended(1, ended(RESULTS[Verdict.SUPPORTED]), 1.0)
    assert [found[1] for found in outcomes(suite_of(file))] == ["error", "pass"]
    report.ended(0, None, 0.0)
    assert [found[1] for found in outcomes(suite_of(file))] == ["error", "pass"]


def test_what_ended_the_run_is_told_by_what_was_not_run(tmp_path: Path) -> None:
    file = tmp_path / "out.xml"
    report = JunitReport(file, FILES)
    report.ended(0, ended(RESULTS[Verdict.SUPPORTED]), 1.0)
    with pytest.raises(ConfigError), report.told():
        raise ConfigError(["a.yml:3: unknown scenario"])
    (error,) = suite_of(file).iter("error")
    assert error.text == "a.yml:3: unknown scenario"


@given(st.text(), st.text(), st.text())
def test_any_text_can_be_read_again(name: str, message: str, text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "out.xml")
        case = Case(name, "c", "error", "failed", message, text, properties={"title": name})
        file.write_text(document("chaos-engine", [case], 0.0), encoding="utf-8", newline="")
        assert len(list(suite_of(file))) == 1


def test_control_characters_are_replaced() -> None:
    found = document("s", [Case("a\x00b\x1b[31m", "c", "error", "failed", "\ufffe", "tab\tline\n")], 0.0)
    assert "a\ufffdb\ufffd[31m" in found
    assert "tab\tline\n" in found


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere/out.xml", "nowhere' does not exist"),
        ("folder", "is no regular file"),
        ("a.yml", "is one of the files to run"),
        ("folder/../a.yml", "is one of the files to run"),
    ],
)
def test_a_path_that_does_not_do_is_refused(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.yml").write_text("title: t")
    with pytest.raises(ConfigError, match=f"--junit: .*{words}"):
        JunitReport(tmp_path / path, [tmp_path / "a.yml"])
    assert (tmp_path / "a.yml").read_text() == "title: t"


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    written(tmp_path, RESULTS[Verdict.SUPPORTED])
    assert [file.name for file in tmp_path.iterdir()] == ["out.xml"]
    assert (tmp_path / "out.xml").stat().st_mode & 0o777 == 0o644
