"""The scenarios `ssm_automation` and `ssm_command`: that nothing is left running."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos_engine.model import Observation
from scenarios.aws import AwsScenario, StillRunningError
from scenarios.ssm_scenarios import SsmAutomation, SsmCommand
from tests.unit.cloud_twin import injected, prepared, started
from tests.unit.ssm_twin import API, WEB, SsmTwin

RUNBOOK, COMMAND = SsmAutomation(), SsmCommand()
STRESS = {"document": "AWSFIS-Run-CPU-Stress", "instances": [WEB, API]}


@pytest.fixture
def twin() -> SsmTwin:
    return SsmTwin()


BOTH = pytest.mark.parametrize(
    ("scenario", "own"), [(RUNBOOK, {"document": "Outage"}), (COMMAND, STRESS)], ids=["automation", "command"]
)


def states(twin: SsmTwin) -> list[str]:
    found = [a["AutomationExecutionStatus"] for a in twin.automations.values()]
    return found + [c["Status"] for c in twin.commands.values()]


def stops(twin: SsmTwin) -> int:
    return len(twin.asked("ssm:stop_automation_execution") + twin.asked("ssm:cancel_command"))


@BOTH
def test_clearing_cancels_it_and_looks_that_it_is_over(
    twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any]
) -> None:
    fault = started(scenario, twin, **own)
    twin.stopping_takes = 1.0
    scenario.clear(fault, twin.world)
    scenario.clear(fault, twin.world)
    assert (states(twin), stops(twin)) == (["Cancelled"], 1)


@BOTH
def test_one_that_takes_its_time_is_not_called_cleared(
    twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any]
) -> None:
    fault = started(scenario, twin, **own)
    twin.stopping_takes = 30.0
    with pytest.raises(StillRunningError, match="still Cancelling"):
        scenario.clear(fault, twin.world)
    twin.clock.wait(30.0)
    scenario.clear(fault, twin.world)
    assert stops(twin) == 1


@BOTH
def test_clearing_before_the_injection_starts_nothing(
    twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any]
) -> None:
    fault = prepared(scenario, twin, **own)
    scenario.clear(fault, twin.world)
    assert not states(twin)
    assert scenario.observe(fault, twin.world).observation is Observation.GONE


@BOTH
def test_a_start_that_the_ledger_never_heard_of_is_found_and_cancelled(
    twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any]
) -> None:
    lost = prepared(scenario, twin, **own)
    started(scenario, twin, **own, id_="e2-0", seed=8)
    twin.listed_after = 1.0
    injected(scenario, twin, lost)
    scenario.clear(lost, twin.world)
    assert states(twin) == ["Pending", "Cancelled"]


@BOTH
def test_one_that_has_vanished_is_cleared(twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any]) -> None:
    fault = started(scenario, twin, **own)
    twin.automations.clear()
    twin.commands.clear()
    scenario.clear(fault, twin.world)


def test_a_runbook_that_is_shared_by_its_arn_is_found_by_its_name(twin: SsmTwin) -> None:
    fault = prepared(RUNBOOK, twin, document="Outage")
    injected(RUNBOOK, twin, fault)
    arn = {**fault.undo, "document": "arn:aws:ssm:eu-central-1:123456789012:document/Outage"}
    RUNBOOK.clear(replace(fault, undo=arn), twin.world)
    assert states(twin) == ["Cancelled"]


def test_an_automation_that_is_over_is_let_be(twin: SsmTwin) -> None:
    fault = started(RUNBOOK, twin, document="Outage")
    for status in sorted(RUNBOOK.ended):
        twin.put(status)
        RUNBOOK.clear(fault, twin.world)
        assert states(twin) == [status]
    assert stops(twin) == 0
