"""The scenario `fis`: that nothing is left running."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.cloud import CloudError
from chaos_engine.model import Observation
from scenarios.aws import StillRunningError
from scenarios.fis_scenarios import Fis
from tests.unit.cloud_twin import NOW, injected, prepared, started
from tests.unit.fis_twin import FisTwin

FIS = Fis()
OVER = ("completed", "stopped", "failed", "cancelled")
DENIED = CloudError("AccessDeniedException", "User: chaos is not authorized to perform it")


@pytest.fixture
def twin() -> FisTwin:
    return FisTwin()


def status(twin: FisTwin) -> str:
    (experiment,) = twin.experiments.values()
    return str(experiment["state"]["status"])


def test_clearing_stops_it_and_looks_that_it_has_stopped(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.put("running")
    twin.stopping_takes = 1.0
    FIS.clear(fault, twin.world)
    assert status(twin) == "stopped"
    assert len(twin.asked("fis:stop_experiment")) == 1


def test_one_that_takes_its_time_is_not_called_cleared(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.stopping_takes = 30.0
    with pytest.raises(StillRunningError, match="EXP1 was told to stop, and is still stopping"):
        FIS.clear(fault, twin.world)
    assert twin.clock.wall - NOW <= 4.0
    twin.clock.wait(30.0)
    FIS.clear(fault, twin.world)
    assert len(twin.asked("fis:stop_experiment")) == 1


@pytest.mark.parametrize("end", OVER)
def test_one_that_is_over_is_let_be(twin: FisTwin, end: str) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.put(end)
    FIS.clear(fault, twin.world)
    FIS.clear(fault, twin.world)
    assert status(twin) == end
    assert not twin.asked("fis:stop_experiment")


def test_one_that_ends_just_before_it_is_stopped_is_cleared(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.ends_before_it_is_stopped = True
    FIS.clear(fault, twin.world)


def test_a_vanished_one_is_cleared(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.experiments.clear()
    FIS.clear(fault, twin.world)


def test_one_that_we_may_not_stop_is_not_called_cleared(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.refusals["stop_experiment"] = DENIED
    with pytest.raises(CloudError, match="not authorized"):
        FIS.clear(fault, twin.world)


def test_clearing_before_the_injection_starts_nothing(twin: FisTwin) -> None:
    fault = prepared(FIS, twin, template="EXT1")
    FIS.clear(fault, twin.world)
    assert not twin.experiments
    assert not twin.asked("fis:start_experiment")
    assert FIS.observe(fault, twin.world).observation is Observation.GONE


def test_a_start_that_the_ledger_never_heard_of_is_found_and_stopped(twin: FisTwin) -> None:
    lost = prepared(FIS, twin, template="EXT1")
    other = started(FIS, twin, template="EXT1", id_="e2-0", seed=8)
    injected(FIS, twin, lost)
    FIS.clear(lost, twin.world)
    states = {e["tags"]["chaos-engine:fault"]: e["state"]["status"] for e in twin.experiments.values()}
    assert states == {"0123456789ab/e1-0": "stopped", "0123456789ab/e2-0": "pending"}
    assert FIS.observe(replace(other, undo=lost.undo), twin.world).observation is not Observation.GONE


def test_it_is_found_also_where_aws_lists_it_a_moment_later(twin: FisTwin) -> None:
    lost = prepared(FIS, twin, template="EXT1")
    twin.listed_after = 1.0
    injected(FIS, twin, lost)
    FIS.clear(lost, twin.world)
    assert [e["state"]["status"] for e in twin.experiments.values()] == ["stopped"]


def test_an_old_intent_without_a_run_is_looked_for_once(twin: FisTwin) -> None:
    lost = prepared(FIS, twin, template="EXT1")
    twin.clock.wait(60.0)
    FIS.clear(lost, twin.world)
    assert len(twin.asked("fis:list_experiments")) == 1
