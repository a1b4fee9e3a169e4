"""`run FILE… --junit`: the file after real runs, also after one that was interrupted or killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine_process import Place, Service, running, serving
from tests.integration.test_run_files import USABLE, write
from tests.junit_rules import outcomes, suite_of


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def service(place: Place) -> Iterator[Service]:
    place.state_file.parent.mkdir()
    with serving(place.state_file) as serving_service:
        yield serving_service


def test_one_test_a_file(place: Place, service: Service) -> None:
    slow = write(place, service, "slow", "slowdown", with_="{delay: 300ms}", hypothesis=USABLE)
    broken = write(place, service, "broken", "config_error")
    ran = place.call("run", slow, broken, "--junit", "out.xml")
    assert ran.returncode == 1, ran.stderr
    suite = suite_of(place.folder / "out.xml")
    assert outcomes(suite) == [("slow", "pass", ""), ("broken", "failure", "not_supported")]
    times = [float(case.attrib["time"]) for case in suite.iter("testcase")]
    assert all(1.5 < seconds < 60 for seconds in times)  # the hold alone takes so long


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_has_its_file(place: Place, service: Service, number: signal.Signals) -> None:
    first, second = write(place, service, "one", "crash"), write(place, service, "two", "crash")
    with running(place, "run", first, second, "--junit", "out.xml") as process:
        process.says("Marked injection")
        process.stop(number)
    aborted = "aborted" if number is signal.SIGTERM else "not_run"
    found = outcomes(suite_of(place.folder / "out.xml"))
    assert found == [("one", "error", aborted), ("two", "error", "not_run")]


def test_bad_input_is_told_in_the_file_too(place: Place, service: Service) -> None:
    good, bad = write(place, service, "good", "crash"), write(place, service, "bad", "crsh")
    refused = place.call("run", good, bad, "--junit", "out.xml")
    assert refused.returncode == 2
    suite = suite_of(place.folder / "out.xml")
    assert outcomes(suite) == [("good.yml", "error", "not_run"), ("bad.yml", "error", "not_run")]
    assert all("did you mean 'crash'?" in str(error.text) for error in suite.iter("error"))


def test_a_place_where_it_cannot_be_is_refused_before_anything_happens(
    place: Place, service: Service
) -> None:
    good = write(place, service, "good", "crash")
    refused = place.call("run", good, "--junit", "nowhere/out.xml")
    assert refused.returncode == 2
    assert "--junit: the folder 'nowhere' does not exist" in refused.stderr
    assert place.call("run", "--junit", "out.xml").returncode == 2  # a daemon has none
    assert not place.data.exists()
    assert not place.state_file.exists()
