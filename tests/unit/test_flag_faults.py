"""Feature flags as faults: switched, restored exactly, and never fought over."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.flag_files import FlagFiles
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.model import Fault, Observation, Target
from chaos_engine.ports import World
from scenarios.base import Scenario
from scenarios.flagd import default_of, with_default
from scenarios.registry import load
from scenarios.selection import RefusedError
from tests.unit.test_flagd import TEXT

FLAG: Scenario = load()["feature_flag"]
CART = {"flag": "cartFailure", "variant": "50%"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "demo.flagd.json"
    made.write_text(TEXT)
    made.chmod(0o640)
    return made


def world(told: list[str] | None = None, **how: Any) -> World:
    told = [] if told is None else told
    return World(StateFiles(), SystemClock(), flags=FlagFiles(told.append, **how), tell=told.append)


def prepared(path: Path, there: World, id_: str = "e1-0", **parameters: str) -> Fault:
    target = Target("cart", flagd_file=path)
    wanted = FLAG.parameters.model_validate(parameters or CART)
    made = FLAG.prepare(target, wanted, Random(1), there)
    now = there.clock.now()
    return Fault(
        id_, "e1", FLAG.name, target, made.parameters, made.undo, made.resources, "me", 0, now, now.plus(9)
    )


def seen(fault: Fault, there: World) -> Any:
    return FLAG.observe(fault, there)


def test_it_is_switched_and_comes_back_as_it_was(path: Path) -> None:
    there = world()
    fault = prepared(path, there)
    FLAG.clear(fault, there)  # it was never in
    assert path.read_text() == TEXT
    FLAG.inject(fault, there)
    assert path.read_text() == with_default(TEXT, "cartFailure", "50%")
    assert seen(fault, there).observation is Observation.BLIND
    FLAG.clear(fault, there)
    FLAG.clear(fault, there)
    assert path.read_text() == TEXT
    assert path.stat().st_mode & 0o777 == 0o640
    assert seen(fault, there).observation is Observation.GONE
    assert not FLAG.is_left(fault, there)


def test_a_mounted_file_is_written_in_place_and_that_is_told_once(path: Path) -> None:
    def busy(*_: Path) -> None:
        raise OSError(errno.EBUSY, "busy")

    told: list[str] = []
    there, inode = world(told, rename=busy), path.stat().st_ino
    fault = prepared(path, there)
    FLAG.inject(fault, there)
    FLAG.clear(fault, there)
    assert (path.read_text(), path.stat().st_ino) == (TEXT, inode)
    assert len(told) == 1
    assert "mount its folder" in told[0]
    assert list(path.parent.iterdir()) == [path]


def test_what_somebody_else_chose_meanwhile_stays(path: Path) -> None:
    text = TEXT.replace('"50%": 0.5', '"50%": 0.5, "on": 1')
    path.write_text(text)
    told: list[str] = []
    there = world(told)
    fault = prepared(path, there)
    FLAG.inject(fault, there)
    path.write_text(with_default(text, "cartFailure", "on"))
    found = seen(fault, there)
    assert (found.observation, found.details) == (Observation.GONE, {"changed_to": "on"})
    FLAG.clear(fault, there)
    assert default_of(path.read_text(), "cartFailure") == "on"
    assert "somebody else" in told[0]


def test_who_repairs_it_is_no_stranger(path: Path) -> None:
    there = world()
    fault = prepared(path, there)
    FLAG.inject(fault, there)
    path.write_text(TEXT)
    assert (seen(fault, there).observation, seen(fault, there).details) == (Observation.GONE, {})


def test_a_switch_that_somebody_made_before_the_injection_is_not_overwritten(path: Path) -> None:
    text = TEXT.replace('"50%": 0.5', '"50%": 0.5, "on": 1')
    path.write_text(text)
    there = world()
    fault = prepared(path, there)
    path.write_text(with_default(text, "cartFailure", "on"))
    with pytest.raises(RefusedError, match="was changed to 'on' meanwhile"):
        FLAG.inject(fault, there)
    assert default_of(path.read_text(), "cartFailure") == "on"


def test_a_file_that_vanished_counts_as_cleared_and_cannot_be_hurt(path: Path) -> None:
    there = world()
    fault = prepared(path, there)
    path.unlink()
    with pytest.raises(RefusedError, match="has vanished"):
        FLAG.inject(fault, there)
    FLAG.clear(fault, there)
    assert seen(fault, there).observation is Observation.GONE


def test_a_file_that_is_torn_is_not_called_cleared(path: Path) -> None:
    there = world()
    fault = prepared(path, there)
    FLAG.inject(fault, there)
    whole = path.read_text()
    path.write_text(whole[:40])
    with pytest.raises(ValueError, match=r".+"):
        FLAG.clear(fault, there)
    path.write_text(whole)
    FLAG.clear(fault, there)
    assert path.read_text() == TEXT


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"flag": "cartFailur", "variant": "50%"}, "unknown flag 'cartFailur'; did you mean 'cartFailure'"),
        ({"flag": "cartFailure", "variant": "50"}, "no variant '50'; did you mean '50%'"),
        ({"flag": "cartFailure", "variant": "off"}, "is 'off' already"),
        ({"flag": "asleep", "variant": "on"}, "is DISABLED"),
        ({"flag": "bare", "variant": "on"}, "no defaultVariant"),
    ],
)
def test_what_cannot_be_switched_is_refused(path: Path, parameters: dict[str, str], words: str) -> None:
    more = (
        '"asleep": {"state": "DISABLED", "variants": {"on": 1}, "defaultVariant": "off"},'
        '"bare": {"variants": {"on": 1}},'
    )
    path.write_text(TEXT.replace('"flags": {', '"flags": {' + more))
    refused = FLAG.preflight(
        Target("cart", flagd_file=path), FLAG.parameters.model_validate(parameters), world()
    )
    assert refused is not None
    assert words in refused


def test_a_missing_file_or_another_one_is_refused(tmp_path: Path) -> None:
    wanted = FLAG.parameters.model_validate(CART)
    none = Target("cart", flagd_file=tmp_path / "none.json")
    assert "no such file" in str(FLAG.preflight(none, wanted, world()))
    (tmp_path / "odd.json").write_text("[]")
    odd = Target("cart", flagd_file=tmp_path / "odd.json")
    assert "no mapping `flags`" in str(FLAG.preflight(odd, wanted, world()))
    assert FLAG.refusal(Target("cart")) == "target 'cart' has no flagd_file"


def test_two_flags_of_one_file_are_switched_beside_each_other(path: Path) -> None:
    there = world()
    first = prepared(path, there)
    second = prepared(path, there, "e2-0", flag="productFailure", variant="on")
    assert set(first.resources).isdisjoint(second.resources)
    barrier = threading.Barrier(2)

    def lived(fault: Fault) -> None:
        for _ in range(40):
            barrier.wait(20)
            FLAG.inject(fault, there)
            FLAG.clear(fault, there)

    threads = [threading.Thread(target=lived, args=(fault,)) for fault in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == TEXT
