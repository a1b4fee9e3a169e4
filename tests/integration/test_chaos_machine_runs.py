"""Inputs of the Chaos Machine, run against the rehearsal: every outcome, with its exit code and its reason.

The runs begin together and go on side by side: the window of a metric ends at a full minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import docker_is_missing
from tests.integration.aws_endpoint import Endpoint
from tests.integration.chaos_machine_cases import BY_PROMETHEUS, CASES
from tests.integration.chaos_machine_stage import Ended, Shop, Stage
from tests.integration.prometheus_server import Exporter, config, prometheus

ABREAST = 6


@pytest.fixture(scope="module")
def runs(served: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Ended]]]:
    """All of them, under way."""
    folder = tmp_path_factory.mktemp("runs")
    with ExitStack() as last, ThreadPoolExecutor(ABREAST) as pool:
        shop = None if docker_is_missing() else last.enter_context(_shop())
        cases = {**(BY_PROMETHEUS if shop else {}), **CASES}
        yield {
            name: pool.submit(run, Stage(served, folder, name.replace("_", "-"), shop))
            for name, run in cases.items()
        }


@contextmanager
def _shop() -> Iterator[Shop]:
    """With what tells of its orders, and a Prometheus that reads it twice a second."""
    exporter = Exporter()
    try:
        with prometheus(config({"shop": exporter.port})) as url:
            yield Shop(exporter, url)
    finally:
        exporter.close()


@pytest.fixture
def ended(runs: Mapping[str, Future[Ended]]) -> Callable[[str], Ended]:
    return lambda name: runs[name].result(280)


def test_supported(ended: Callable[[str], Ended]) -> None:
    found = ended("all_is_well")
    assert (found.code, found.result["verdict"]) == (0, "supported"), found.said
    assert {one["outcome"] for one in found.result["judgements"]} == {"pass"}
    assert len(found.result["judgements"]) == 2
    assert found.result["details"][0]["status"] == "completed"


def test_supported_while_a_document_ran(ended: Callable[[str], Ended]) -> None:
    found = ended("a_document")
    assert (found.code, found.result["verdict"]) == (0, "supported"), found.said
    assert found.result["details"][0]["status"] == "Success"


def test_not_supported_by_a_0_of_an_expression(ended: Callable[[str], Ended]) -> None:
    found = ended("errors_meanwhile")
    assert (found.code, found.result["verdict"]) == (1, "not_supported"), found.said
    assert "e1" in found.reason
    assert found.result["run"] == "completed"


def test_not_supported_by_a_change_into_alarm_whatever_it_was_before(ended: Callable[[str], Ended]) -> None:
    found = ended("an_alarm_meanwhile")
    assert (found.code, found.result["verdict"]) == (1, "not_supported"), found.said
    assert "alarm-an-alarm-meanwhile was in ALARM from" in found.reason


def test_no_datapoints_are_no_support(ended: Callable[[str], Ended]) -> None:
    found = ended("no_datapoints")
    assert (found.code, found.result["verdict"]) == (5, "inconclusive"), found.said
    assert "e1 has no datapoints in the window" in found.reason


def test_only_the_recovery_window_counts_where_there_is_one(ended: Callable[[str], Ended]) -> None:
    again, never = ended("well_again"), ended("not_well_again")
    assert (again.code, again.result["verdict"]) == (0, "supported"), again.said
    assert (never.code, never.result["verdict"]) == (1, "not_supported"), never.said
    assert "was already in ALARM" in never.reason
    (judgement,) = again.result["judgements"]
    window = judgement["evidence"]["window"]
    assert window["start"] >= again.result["cleared_at"] + 1.0
    assert window["end"] - window["start"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("errors_before", "e1"),
        ("an_alarm_before", "alarm-an-alarm-before is ALARM"),
        ("an_alarm_without_data_before", "is INSUFFICIENT_DATA"),
        ("an_unknown_alarm", "there is no alarm of the name nobody-has-it"),
    ],
)
def test_nothing_is_started_unless_the_steady_state_is_met(
    ended: Callable[[str], Ended], served: Endpoint, name: str, words: str
) -> None:
    found = ended(name)
    assert (found.code, found.result["verdict"]) == (3, "steady_state_not_met"), found.said
    assert words in found.reason
    tag = f"{name}".replace("_", "-")
    templates = served.client("fis").list_experiment_templates(maxResults=100)["experimentTemplates"]
    (own,) = [one["id"] for one in templates if one["description"] == tag]
    assert not served.client("fis").list_experiments(experimentTemplateId=own)["experiments"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_template", "template EXTnone: ResourceNotFoundException"),
        ("nothing_targeted", "failed"),
        ("a_document_that_fails", "Stop"),
        ("stopped_by_somebody", "stopped"),
        ("too_long", "had not ended 2 s after"),
    ],
)
def test_a_run_that_does_not_complete_has_failed_and_says_why(
    ended: Callable[[str], Ended], name: str, words: str
) -> None:
    found = ended(name)
    assert (found.code, found.result["verdict"]) == (4, "failed"), found.said
    assert words in found.reason
    assert found.result["hypothesis"] != "not_supported"


def test_a_field_is_overridden(ended: Callable[[str], Ended]) -> None:
    found = ended("overridden")
    assert (found.code, found.result["verdict"]) == (0, "supported"), found.said


def test_an_abort_condition_stops_the_run(ended: Callable[[str], Ended]) -> None:
    found = ended("aborted")
    assert (found.code, found.result["verdict"]) == (4, "aborted"), found.said
    assert "alarm-aborted is ALARM" in found.reason


# --- the original's verdict beside ours -----------------------------------------------------------


def test_the_originals_verdict_is_told_beside_ours(ended: Callable[[str], Ended]) -> None:
    found = ended("compared")
    assert (found.code, found.result["verdict"], found.original) == (1, "not_supported", "Supported")
    assert "the Chaos Machine: Supported" in found.said
    assert "original   Supported (the Chaos Machine's verdict)" in found.told, found.told
    assert "verdict    not_supported" in found.told


# --- measured by Prometheus -----------------------------------------------------------------------


@pytest.mark.docker
@pytest.mark.parametrize(
    ("name", "code", "verdict", "words", "original"),
    [
        ("orders_as_before", 0, "supported", "from 1 to 1", "Supported"),
        ("few_orders_in_one_part", 1, "not_supported", 'part="b"', "Supported"),  # it looks at the first
        ("a_part_is_silent", 5, "inconclusive", "e1", "Supported"),
        ("few_orders_before", 3, "steady_state_not_met", 'part="b"', "would have begun the experiment"),
    ],
)
def test_by_prometheus(
    ended: Callable[[str], Ended], name: str, code: int, verdict: str, words: str, original: str
) -> None:
    found = ended(name)
    assert (found.code, found.result["verdict"]) == (code, verdict), found.said
    assert words in found.reason
    assert found.original == original, found.told
