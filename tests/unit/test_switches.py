"""What pause, halt, resume and the HALT file do, in whatever order they come."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.adapters.folder import MOST_REASON, halt_reason
from chaos_engine.switches import Switches, of_fact

KINDS = st.sampled_from(("pause", "halt", "resume"))
FILES = st.none() | st.text(max_size=5)
STEPS = st.lists(st.tuples(KINDS, st.text(max_size=5)) | FILES, max_size=12)


@given(STEPS)
def test_a_file_halts_exactly_as_long_as_it_is_there(steps: list[tuple[str, str] | str | None]) -> None:
    now = Switches()
    for step in steps:
        now = now.switched(*step) if isinstance(step, tuple) else now.with_file(step)
        if now.file is not None:
            assert now.halted
        if isinstance(step, tuple) and step[0] == "resume":
            assert now.halted is (now.file is not None)
        if step == ("halt", ""):
            assert now.halted


@given(STEPS, FILES)
def test_a_restart_forgets_nothing_but_the_file(
    steps: list[tuple[str, str] | str | None], file: str | None
) -> None:
    now = Switches()
    for step in steps:
        now = now.switched(*step) if isinstance(step, tuple) else now.with_file(step)
    kept = json.loads(json.dumps(now.as_fact()))
    assert kept["halted"] is now.halted
    assert of_fact(kept, file) == now.with_file(file)


def test_a_pause_does_not_lift_a_halt() -> None:
    assert Switches().switched("halt", "").switched("pause", "").halted


def test_what_an_older_engine_kept_is_understood() -> None:
    assert of_fact({"paused": False, "halted": True, "reason": "x"}).halted
    assert not of_fact(None).halted


def test_the_file_is_read_within_bounds(tmp_path: Path) -> None:
    assert halt_reason(tmp_path) is None
    assert halt_reason(tmp_path / "nowhere") is None
    file = tmp_path / "HALT"
    file.touch()
    assert halt_reason(tmp_path) == ""
    file.write_bytes(b"smoke \xff\n" + b"x" * 5000)
    found = halt_reason(tmp_path)
    assert found is not None
    assert found.startswith("smoke")
    assert len(found) <= MOST_REASON
    file.unlink()
    file.mkdir()
    assert "cannot be read" in (halt_reason(tmp_path) or "")
