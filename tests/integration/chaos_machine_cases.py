"""Inputs of the Chaos Machine and what happens while they run: one case for every outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.integration.chaos_machine_stage import AHEAD, Ended, Stage
from tests.integration.engine_process import until

BY_PROMETHEUS: dict[str, Callable[[Stage], Ended]] = {}  # those that need a real one
SHORT, LONG = "PT2S", "PT12S"  # LONG: a whole period lies in the window, wherever the minute ends
CASES: dict[str, Callable[[Stage], Ended]] = {}


def case(run: Callable[[Stage], Ended]) -> Callable[[Stage], Ended]:
    CASES[run.__name__] = run
    return run


@case
def all_is_well(stage: Stage) -> Ended:
    stage.calm()
    steady = {"metrics": stage.metrics(), "alarms": [stage.alarm("OK")]}
    template = stage.waiting(LONG)
    return stage.run({"experimentTemplateId": template, "steadyState": steady, "hypothesis": "steadyState"})


@case
def errors_meanwhile(stage: Stage) -> Ended:
    stage.calm()
    template = stage.waiting(LONG)

    def more_errors() -> None:
        stage.started(template)
        stage.errors(100.0, time.time(), time.time() + AHEAD)

    steady = {"metrics": stage.metrics()}
    given = {"experimentTemplateId": template, "steadyState": steady, "hypothesis": "steadyState"}
    return stage.run(given, more_errors)


@case
def no_datapoints(stage: Stage) -> Ended:
    given = {
        "experimentTemplateId": stage.waiting(LONG),
        "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": {"metrics": stage.metrics()},
    }
    return stage.run(given)


@case
def an_alarm_meanwhile(stage: Stage) -> Ended:
    """By way of INSUFFICIENT_DATA, and over before the run's end."""
    template = stage.waiting("PT6S")

    def alarm() -> None:
        stage.started(template)
        stage.changes("INSUFFICIENT_DATA", "ALARM", "OK")

    given = {
        "experimentTemplateId": template, "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": "steadyState",
    }  # fmt: skip
    return stage.run(given, alarm)


def _recovery(stage: Stage, *states: str, duration: int) -> Ended:
    """An alarm in the run; afterwards, before the recovery window, these states."""
    template = stage.waiting("PT4S")

    def alarm() -> None:
        run = stage.started(template)
        stage.changes("ALARM")
        until(lambda: stage.status(run) == "running", 60.0)
        stage.changes(*states)

    given = {
        "experimentTemplateId": template, "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": "steadyState", "recoveryDelay": 1, "recoveryDuration": duration,
    }  # fmt: skip
    return stage.run(given, alarm)


@case
def well_again(stage: Stage) -> Ended:
    return _recovery(stage, "OK", duration=2)


@case
def not_well_again(stage: Stage) -> Ended:
    return _recovery(stage, duration=2)


@case
def a_document(stage: Stage) -> Ended:
    sleep = {"name": "Sleep", "action": "aws:sleep", "inputs": {"Duration": SHORT}}
    given = {
        "automationDocumentName": stage.document(sleep), "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": "steadyState",
    }  # fmt: skip
    return stage.run(given)


def _gated(stage: Stage, **steady: Any) -> Ended:
    given = {
        "experimentTemplateId": stage.waiting("PT1H"), "steadyState": steady, "hypothesis": "steadyState",
        "lookback": 10,
    }  # fmt: skip
    return stage.run(given)


@case
def errors_before(stage: Stage) -> Ended:
    stage.errors(100.0, time.time() - 120.0, time.time() + AHEAD)
    return _gated(stage, metrics=stage.metrics())


@case
def an_alarm_before(stage: Stage) -> Ended:
    return _gated(stage, alarms=[stage.alarm("ALARM")])


@case
def an_alarm_without_data_before(stage: Stage) -> Ended:
    return _gated(stage, alarms=[stage.alarm("INSUFFICIENT_DATA")])


@case
def an_unknown_alarm(stage: Stage) -> Ended:
    return _gated(stage, alarms=[stage.alarm("OK"), "nobody-has-it"])


def _watched(stage: Stage, **more: Any) -> dict[str, Any]:
    return {"steadyState": {"alarms": [stage.alarm("OK")]}, "hypothesis": "steadyState", **more}


@case
def no_such_template(stage: Stage) -> Ended:
    return stage.run(_watched(stage, experimentTemplateId="EXTnone"))


@case
def overridden(stage: Stage) -> Ended:
    more = ["--set", f"experimentTemplateId={stage.waiting(SHORT)}"]
    return stage.run(_watched(stage, experimentTemplateId="EXTnone"), more=more)


@case
def nothing_targeted(stage: Stage) -> Ended:
    return stage.run(_watched(stage, experimentTemplateId=stage.missing_its_target()))


@case
def a_document_that_fails(stage: Stage) -> Ended:
    inputs = {"Service": "ec2", "Api": "StopInstances", "InstanceIds": ["i-0123456789abcdef0"]}
    step = {"name": "Stop", "action": "aws:executeAwsApi", "inputs": inputs}
    return stage.run(_watched(stage, automationDocumentName=stage.document(step)))


@case
def stopped_by_somebody(stage: Stage) -> Ended:
    template = stage.waiting("PT1H")
    stop = stage.endpoint.client("fis").stop_experiment
    given = _watched(stage, experimentTemplateId=template)
    return stage.run(given, lambda: stop(id=stage.started(template)))


@case
def too_long(stage: Stage) -> Ended:
    return stage.run(_watched(stage, experimentTemplateId=stage.waiting("PT1H"), timeout="2s"))


@case
def aborted(stage: Stage) -> Ended:
    template, alarm = stage.waiting("PT1H"), stage.alarm("OK")

    def worse() -> None:
        stage.started(template)
        stage.changes("ALARM")

    given = _watched(stage, experimentTemplateId=template, abort_when=[{"alarm": alarm}])
    found = stage.run(given, worse)
    assert stage.status(stage.started(template)) == "stopped"
    return found


# --- with the original's verdict beside ours --------------------------------------------------

COMPARED = {"hypothesis": "steadyState", "strict_compatibility": True}


@case
def compared(stage: Stage) -> Ended:
    """An alarm that comes by way of INSUFFICIENT_DATA is none to the original."""
    template, alarm = stage.waiting("PT4S"), stage.alarm("OK")

    def worse() -> None:
        stage.started(template)
        stage.changes("INSUFFICIENT_DATA", "ALARM", "OK")

    given = {**COMPARED, "experimentTemplateId": template, "steadyState": {"alarms": [alarm]}}
    return stage.run(given, worse)


# --- measured by Prometheus -------------------------------------------------------------------


def by_prometheus(run: Callable[[Stage], Ended]) -> Callable[[Stage], Ended]:
    BY_PROMETHEUS[run.__name__] = run
    return run


def _ordered(stage: Stage, part: str, value: float | None) -> Ended:
    """What becomes of a part's orders once the run has begun."""
    template = stage.waiting(LONG)

    def meanwhile() -> None:
        stage.started(template)
        stage.orders(part, value)

    return stage.run({**COMPARED, **stage.of_prometheus(), "experimentTemplateId": template}, meanwhile)


@by_prometheus
def orders_as_before(stage: Stage) -> Ended:
    return _ordered(stage, "a", 40.0)


@by_prometheus
def few_orders_in_one_part(stage: Stage) -> Ended:
    return _ordered(stage, "b", 5.0)


@by_prometheus
def a_part_is_silent(stage: Stage) -> Ended:
    return _ordered(stage, "b", None)


@by_prometheus
def few_orders_before(stage: Stage) -> Ended:
    given = {**COMPARED, **stage.of_prometheus(), "experimentTemplateId": stage.waiting("PT1H")}
    stage.orders("b", 5.0)
    return stage.run(given)
