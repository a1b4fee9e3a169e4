"""Which lines are worth a notice, and what it says."""

from __future__ import annotations

import json

import pytest

from chaos_engine.happenings import Happening, TellingLog
from chaos_engine.model import Ran, Recovered, Verdict
from chaos_engine.narration import Narrator
from chaos_engine.occasions import ALARMS, EVENTS, MEANINGS, occasions, sample, told
from tests.unit.test_metrics import AT, CRASH, Silent, ended, fault


class Heard:
    """Every line that the narrator says."""

    def __init__(self) -> None:
        self.lines: list[Happening] = []
        self.says = Narrator(TellingLog(Silent(), (self.lines.append,), lambda: AT))

    @property
    def occasions(self) -> list[tuple[str, ...]]:
        return [occasions(line.kind, line.fields) for line in self.lines]


def test_a_fault_s_course() -> None:
    heard = Heard()
    heard.says.injecting(fault(), CRASH)
    heard.says.marked(fault())
    heard.says.not_cleared(fault(), "no")
    heard.says.overdue(fault(), fault().deadline.plus(2.0))
    heard.says.cleared(fault(), 30.0)
    heard.says.found(fault())
    assert heard.occasions == [
        ("inject",), ("injected",), ("could_not_clear",), ("overdue",), ("cleared",), ("found",),
    ]  # fmt: skip


def test_a_verdict_is_told_by_the_worst_of_it() -> None:
    heard = Heard()
    heard.says.verdict(*ended(recovery=Recovered.NOT_RECOVERED))
    heard.says.verdict(*ended(run=Ran.ABORTED))
    assert heard.occasions == [("not_recovered", "not_supported", "verdict"), ("aborted", "verdict")]


def test_switches_and_refusals() -> None:
    heard = Heard()
    heard.says.switched({"halted": True, "paused": False, "reason": "fire"})
    heard.says.switched({"halted": False, "paused": True})
    heard.says.switched({"halted": False, "paused": False})
    heard.says.skipped("max_per_hour", "enough")
    assert heard.occasions == [("halted",), ("paused",), ("resumed",), ("refused",)]


def test_only_an_approval_that_is_asked_for_is_told() -> None:
    heard = Heard()
    for state in ("asked", "approved", "expired"):
        said = {"id": "a1", "scenario": "crash", "target": "shop", "state": state}
        heard.says.approval("a large blast radius", "", said)
    assert heard.occasions == [("approval",), (), ()]


def test_other_lines_are_no_occasion() -> None:
    heard = Heard()
    heard.says.next_start(AT, 1.0)
    heard.says.banner({"version": "1"})
    heard.says.log.warning("Cannot look into a state file", kind="reconcile")  # of no fault
    assert set(heard.occasions) == {()}


@pytest.mark.parametrize("occasion", MEANINGS)
def test_a_sample_is_an_occasion_of_its_kind(occasion: str) -> None:
    notice = sample(occasion)
    assert occasion in occasions(notice.kind, notice.fields)
    assert notice.fields.keys() <= {
        *told(notice, ""),
        "injected_at",
        "cleared_at",
        "halted",
        "paused",
        "state",
    }


def test_a_sample_has_what_a_real_line_has() -> None:
    """A template that was tried with the sample must do for what comes."""
    heard = Heard()
    heard.says.injecting(fault(), CRASH)
    heard.says.cleared(fault(), 30.0)
    heard.says.verdict(*ended(recovery=Recovered.RECOVERED, time_to_recover=1.0))
    for line, occasion in zip(heard.lines, ("inject", "cleared", "verdict"), strict=True):
        assert sample(occasion).kind == line.kind
        assert sample(occasion).fields.keys() <= line.fields.keys()


def test_the_defaults_are_known_words() -> None:
    assert {*EVENTS, *ALARMS} <= MEANINGS.keys()
    assert set(Verdict) <= MEANINGS.keys()


def test_a_cleared_fault_has_its_time_from_beginning_to_end() -> None:
    notice = sample("cleared")
    known = told(notice, "host-1")
    assert (known["start_ms"], known["end_ms"]) == (1_699_999_970_000, 1_700_000_000_000)
    assert (known["time"], known["host"]) == ("2023-11-14T22:13:20.000+00:00", "host-1")


def test_a_verdict_has_the_fault_s_time_where_one_was_in() -> None:
    known = told(sample("verdict"), "")
    assert (known["start_ms"], known["end_ms"], known["target"]) == (
        1_699_999_970_000,
        1_700_000_000_000,
        "shop",
    )


def test_all_names_are_there_on_every_occasion() -> None:
    assert len({tuple(sorted(told(sample(occasion), ""))) for occasion in MEANINGS}) == 1
    assert json.dumps(told(sample("halted"), ""))
