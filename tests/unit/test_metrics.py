"""What Prometheus is told, from lines as the narrator says them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import generate_latest

import scheduler
from chaos_engine import guardrails
from chaos_engine.config import Settings, load_settings
from chaos_engine.happenings import TellingLog
from chaos_engine.life import State
from chaos_engine.metrics import MOST_PAIRS, RULES, Metrics
from chaos_engine.model import Experiment, Fault, Outcome, Ran, Recovered, Result, Step, Verdict
from chaos_engine.narration import Narrator
from tests.unit.life_story import START, Life, plan, target

AT = START.wall


class Silent:
    def info(self, event: str, **fields: object) -> None:
        """Nobody reads it."""

    debug = warning = error = info


class Seen:
    """Metrics, the narrator that they listen to, and how a scrape reads them."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.metrics = Metrics(settings)
        self.says = Narrator(TellingLog(Silent(), (self.metrics,), lambda: AT))

    def value(self, name: str, labels: Mapping[str, str] | None = None, **more: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"chaos_{name}", {**(labels or {}), **more})


SHOP = {"scenario": "crash", "target": "shop"}
CRASH = plan(steps=(Step("crash", target("shop")),), label="nightly")


def fault(number: int = 1, scenario: str = "crash", deadline: float = 50.0) -> Fault:
    return Fault(
        f"e{number}-0",
        f"e{number}",
        scenario,
        target("shop"),
        {},
        {},
        (),
        "me",
        0,
        START,
        START.plus(deadline),
    )


def ended(experiment: Experiment = CRASH, **changes: object) -> tuple[State, Result]:
    result = Result(Ran.COMPLETED, injected_at=AT, cleared_at=AT + 30.0)
    return Life(experiment).state, replace(result, **changes)  # type: ignore[arg-type]


# --- experiments ----------------------------------------------------------------------------


def test_an_experiment_counts_by_its_key_target_and_verdict() -> None:
    seen = Seen()
    seen.says.verdict(*ended(run=Ran.ABORTED))
    by = {"scenario": "nightly", "target": "shop"}
    assert seen.value("experiments_total", by, verdict="aborted") == 1
    assert seen.value("experiments_total", by, verdict="supported") == 0


def test_an_experiment_on_two_targets_is_one() -> None:
    seen = Seen()
    two = plan(steps=(Step("crash", target("a")), Step("crash", target("b"))), label="both")
    seen.says.verdict(*ended(two))
    assert seen.value("experiments_total", scenario="both", target="a+b", verdict="unjudged") == 1


def test_its_series_are_there_before_it_ends() -> None:
    """`increase()` would miss the first one, else."""
    seen = Seen()
    seen.says.injecting(fault(), CRASH)
    by = {"scenario": "nightly", "target": "shop"}
    assert {seen.value("experiments_total", by, verdict=verdict) for verdict in Verdict} == {0}
    assert {seen.value("recoveries_total", by, outcome=outcome) for outcome in Recovered} == {0}
    assert seen.value("time_to_recover_seconds_count", by) == 0


def test_recovery_is_timed_and_counted() -> None:
    seen = Seen()
    seen.says.verdict(*ended(recovery=Recovered.RECOVERED, time_to_recover=7.0))
    by = {"scenario": "nightly", "target": "shop"}
    assert seen.value("time_to_recover_seconds_sum", by) == 7.0
    assert seen.value("time_to_recover_seconds_bucket", by, le="5.0") == 0
    assert seen.value("time_to_recover_seconds_bucket", by, le="10.0") == 1
    assert seen.value("recoveries_total", by, outcome="recovered") == 1


def test_a_target_stays_not_recovered_until_a_recovery_is_seen() -> None:
    seen = Seen()
    shown = []
    for recovery in (Recovered.RECOVERED, Recovered.NOT_RECOVERED, Recovered.UNKNOWN, Recovered.RECOVERED):
        seen.says.verdict(*ended(recovery=recovery))
        shown.append(seen.value("not_recovered", target="shop"))
    assert shown == [0, 1, 1, 0]


def test_what_was_not_injected_has_no_recovery() -> None:
    seen = Seen()
    seen.says.verdict(*ended(run=Ran.SKIPPED, injected_at=None))
    by = {"scenario": "nightly", "target": "shop"}
    assert seen.value("experiments_total", by, verdict="steady_state_not_met") == 1
    assert seen.value("recoveries_total", by, outcome="unknown") == 0


# --- faults ---------------------------------------------------------------------------------


def test_a_fault_is_active_from_before_it_is_injected_until_it_is_seen_to_be_out() -> None:
    seen = Seen()
    seen.says.injecting(fault(), CRASH)
    assert (seen.value("fault_active", SHOP), seen.value("injections_total", SHOP)) == (1, 1)
    seen.says.marked(fault())
    assert (seen.value("fault_active", SHOP), seen.value("injections_total", SHOP)) == (1, 1)
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) == AT + 50.0
    seen.says.cleared(fault(), 30.0)
    assert seen.value("fault_active", SHOP) == 0
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) is None


def test_a_fault_that_could_not_be_cleared_stays_active() -> None:
    seen = Seen()
    seen.says.injecting(fault(), CRASH)
    seen.says.not_cleared(fault(), "no such container")
    seen.says.not_cleared(fault(), "no such container")
    assert (seen.value("fault_active", SHOP), seen.value("clear_failures_total", SHOP)) == (1, 2)
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) == AT + 50.0


def test_what_an_earlier_run_left_is_active_until_it_is_cleared() -> None:
    seen = Seen()
    seen.says.found(fault(deadline=-100.0))
    assert seen.value("fault_active", SHOP) == 1
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) == AT - 100.0
    assert seen.value("injections_total", SHOP) == 0
    seen.says.cleared(fault(deadline=-100.0), 2.0)
    assert seen.value("fault_active", SHOP) == 0


def test_the_faults_of_an_experiment_that_goes_on_are_active() -> None:
    seen = Seen()
    life = Life(plan(steps=(Step("crash", target("shop")),))).step_in()
    seen.says.resumed(life.state)
    assert seen.value("fault_active", SHOP) == 1
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) == AT + 50.0


def test_of_two_faults_the_first_deadline_is_shown() -> None:
    seen = Seen()
    seen.says.found(fault(1, deadline=20.0))
    seen.says.injecting(fault(2, deadline=90.0), CRASH)
    assert seen.value("fault_active", SHOP) == 2
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) == AT + 20.0
    seen.says.cleared(fault(1, deadline=20.0), 1.0)
    assert seen.value("fault_active", SHOP) == 1
    assert seen.value("fault_deadline_timestamp_seconds", SHOP) == AT + 90.0


@pytest.mark.parametrize(("after", "bucket"), [(30.0, "0.0"), (50.4, "0.5"), (54.0, "5.0")])
def test_lateness_counts_from_the_deadline(after: float, bucket: str) -> None:
    seen = Seen()
    seen.says.cleared(fault(), after)
    assert seen.value("clearing_lateness_seconds_bucket", SHOP, le=bucket) == 1
    assert seen.value("clearing_lateness_seconds_count", SHOP) == 1


# --- the engine -----------------------------------------------------------------------------


def test_the_next_injection_and_the_interval() -> None:
    seen = Seen()
    assert math.isnan(seen.value("next_injection_timestamp_seconds") or 0)
    seen.says.next_start(AT + 180.0, 180.0)
    assert seen.value("next_injection_timestamp_seconds") == AT + 180.0
    assert seen.value("schedule_interval_seconds") == 180.0
    seen.says.next_start(None, 180.0, "halted")
    assert math.isnan(seen.value("next_injection_timestamp_seconds") or 0)


def test_switches() -> None:
    seen = Seen()
    seen.says.switched({"halted": True, "paused": False})
    assert (seen.value("halted"), seen.value("paused")) == (1, 0)
    seen.says.switched({"halted": False, "paused": False})
    assert (seen.value("halted"), seen.value("paused")) == (0, 0)


def test_a_sign_of_life_is_none_of_the_log() -> None:
    seen = Seen()
    seen.says.next_start(None, 1.0)
    assert (seen.value("heartbeat_timestamp_seconds"), seen.value("last_event_timestamp_seconds")) == (0, AT)
    seen.metrics.beat(AT + 5.0)
    assert seen.value("heartbeat_timestamp_seconds") == AT + 5.0


def test_every_rule_of_the_schedule_is_at_zero_before_it_refuses() -> None:
    seen = Seen()
    assert {seen.value("refusals_total", rule=rule) for rule in RULES} == {0}
    seen.says.skipped("max_per_hour", "10 injections in the last hour")
    assert seen.value("refusals_total", rule="max_per_hour") == 1
    seen.says.skipped("windows", "outside the schedule's windows", quietly=True)
    assert seen.value("refusals_total", rule="windows") == 1
    source = Path(scheduler.__file__).read_text()
    assert all(f'"{rule}"' in source for rule in RULES if rule not in guardrails.NAMES)


def test_evaluations_and_notices() -> None:
    seen = Seen()
    seen.metrics.evaluated("prometheus", 0.3, "late")
    seen.metrics.noticed("slack", "sent")
    assert seen.value("evaluations_total", source="prometheus", outcome="late") == 1
    assert seen.value("evaluation_seconds_bucket", source="prometheus", le="0.25") == 0
    assert seen.value("evaluation_seconds_bucket", source="prometheus", le="0.5") == 1
    assert seen.value("notices_total", notifier="slack", outcome="sent") == 1


# --- what is there from the start -----------------------------------------------------------

TWO_SCENARIOS = """
targets: {shop: {state_file: STATE}}
steady_state: {probes: [{http: "http://shop/"}]}
scenarios:
  crash: {}
  brownout: {scenario: slowdown}
notify: {chat: {webhook: "http://chat/"}}
"""


def settings(tmp_path: Path, text: str = TWO_SCENARIOS) -> Settings:
    file = tmp_path / "chaos.yml"
    file.write_text(text.replace("STATE", str(tmp_path / "state.json")))
    return load_settings(file, {})


def test_the_settings_series_are_zero_from_the_start(tmp_path: Path) -> None:
    seen = Seen(settings(tmp_path))
    assert seen.value("experiments_total", scenario="brownout", target="shop", verdict="supported") == 0
    assert seen.value("fault_active", scenario="slowdown", target="shop") == 0
    assert seen.value("injections_total", SHOP) == 0
    assert {seen.value("evaluations_total", source="http", outcome=outcome) for outcome in Outcome} == {0}
    assert seen.value("evaluations_total", source="prometheus", outcome="pass") is None
    assert seen.value("notices_total", notifier="chat", outcome="dropped") == 0


def test_hundreds_of_pairs_begin_when_they_are_used(tmp_path: Path) -> None:
    many = "\n".join(f"  s{i}: {{scenario: crash}}" for i in range(MOST_PAIRS + 5))
    text = f"targets: {{shop: {{state_file: STATE}}}}\nscenarios:\n{many}\n"
    page = generate_latest(Seen(settings(tmp_path, text)).metrics.registry).decode()
    assert page.count("chaos_experiments_total{") == MOST_PAIRS * len(Verdict)


def test_a_page_can_be_read_and_every_name_is_ours() -> None:
    seen = Seen()
    seen.says.injecting(fault(), CRASH)
    page = generate_latest(seen.metrics.registry).decode()
    assert all(line.startswith(("chaos_", "# ")) for line in page.splitlines())
    assert 'chaos_build_info{python="3.' in page
    assert "_created" not in page
