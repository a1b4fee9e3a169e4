"""A process that loads the Chaos Toolkit while this one loads the engine, for `run FILE`.

Of several files the next one's process loads while one is run. Each is taken for one run, if at all. Where
one cannot be started, nothing is lost: another is started then.
"""

from __future__ import annotations

import json
import selectors
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos_engine.adapters import toolkit_python
from chaos_engine.toolkit_runs import ToolkitError

_MARKS = (b'"method"', b'"steady-state-hypothesis"', b"\nmethod:", b"\nsteady-state-hypothesis:")
_MOST = 1_000_000  # bytes of a file that are looked at
_waiting: list[subprocess.Popen[bytes]] = []


def begin(path: Path) -> None:
    """Start it, where the file looks like an experiment of the Chaos Toolkit."""
    with suppress(OSError, ToolkitError):
        with path.open("rb") as file:
            text = b"\n" + file.read(_MOST)
        if any(mark in text for mark in _MARKS):
            _waiting.append(
                subprocess.Popen(  # noqa: S603 - a Python that the user named, and a file of ours
                    toolkit_python.command("serve"),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )  # fmt: skip


def check(specs: str, patience: float) -> str | None:
    """What is wrong with them, as JSON. None: nobody waits, or does not answer: another is to be asked."""
    if not _waiting:
        return None
    popen = _waiting[0]
    assert popen.stdin is not None  # noqa: S101
    assert popen.stdout is not None  # noqa: S101
    with suppress(OSError), selectors.DefaultSelector() as selector:
        popen.stdin.write(specs.encode() + b"\n")
        popen.stdin.flush()
        selector.register(popen.stdout, selectors.EVENT_READ)
        if selector.select(patience) and (line := popen.stdout.readline()).endswith(b"\n"):
            return line.decode()
    _forget(popen)
    return None


def take(folder: Path, spec: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
    """Let it run what is in the folder. None: nobody waits."""
    if not _waiting:
        return None
    popen = _waiting.pop(0)
    asked = {"run": str(folder), "directory": spec.get("directory") or ""}
    assert popen.stdin is not None  # noqa: S101
    try:
        popen.stdin.write(json.dumps(asked).encode() + b"\n")
        popen.stdin.close()
    except OSError:
        popen.kill()
        return None
    return popen


def _forget(popen: subprocess.Popen[bytes]) -> None:
    popen.kill()
    popen.wait()
    _waiting.clear()
