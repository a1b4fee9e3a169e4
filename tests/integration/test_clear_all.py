"""`clear --all` when nothing else can be relied on: no engine, no settings, no readable journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.journal import FILE_NAME
from scenarios.crash_scenarios import inject_crash
from tests.integration.engine_process import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.state_file.parent.mkdir()
    found.data.mkdir()
    found.environment["FAILURE_STATE_FILE"] = str(found.state_file)
    inject_crash(found.state_file)
    return found


def nobody_is_asked(place: Place) -> None:
    """Without a journal whoever's helpers are cleared: this machine's Engine may have some."""
    place.environment["DOCKER_HOST"] = f"unix://{place.folder}/none.sock"


def test_without_settings_and_journal(place: Place) -> None:
    ended = place.call("clear", "--all")
    assert (ended.returncode, ended.stdout) == (0, f"cleared {place.state_file}\n")
    assert place.mode == "healthy"
    assert place.call("clear", "--all").stdout == "nothing was in\n"


def test_with_a_journal_that_is_none(place: Place) -> None:
    nobody_is_asked(place)
    (place.data / FILE_NAME).write_bytes(b"no database" * 100)
    assert place.call("clear").returncode == 2
    ended = place.call("clear", "--all")
    assert ended.returncode == 4
    assert f"cleared {place.state_file}" in ended.stdout
    assert f"not checked: data/{FILE_NAME}" in ended.stdout.replace(f"{place.folder}/", "")
    assert place.mode == "healthy"
    assert (place.data / FILE_NAME).read_bytes() == b"no database" * 100


def test_with_settings_that_are_broken(place: Place) -> None:
    nobody_is_asked(place)
    place.configure("schedule: {every: 0}")
    ended = place.call("clear", "--all")
    assert ended.returncode == 4
    assert "not checked: the targets of the settings" in ended.stdout
    assert place.mode == "healthy"


def test_with_a_state_file_that_cannot_be_read(place: Place) -> None:
    place.state_file.unlink()
    place.environment["FAILURE_STATE_FILE"] = "/proc/self/mem"  # reading it is an error, for root too
    ended = place.call("clear", "--all")
    assert ended.returncode == 4
    assert "left: /proc/self/mem" in ended.stdout
    assert "Traceback" not in ended.stderr
