"""`python -m chaos_engine.helper`: CHAOS_HELPER says what is done, as JSON.

`work`, `spec`, `seconds` and `expires_at` (wall time): it ends at whichever comes first. `undo: true`: what
another helper left is undone, and nothing else; `ask: true`: it only looks whether it can be done.
`lingers: true`: its container goes with it, so it stays until its last words can have been read.
Exit codes: 0 out, 1 it could not be done (and is out), 2 it is still in.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from chaos_engine.helper.work import Look, Work, work

POLL = 1.0  # seconds between two looks
LAST_WORDS = 1.5  # seconds in which they can be read
TRIES, PAUSE = 5, 0.3  # to undo


def main() -> int:
    """Returns the exit code."""
    order = json.loads(os.environ["CHAOS_HELPER"])
    task = work(order["work"], order["spec"])
    if order.get("ask"):
        return asked(task)
    if order.get("undo"):
        return out(task)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    code = run(task, order, stop)
    if order.get("lingers"):
        time.sleep(LAST_WORDS)
    task.linger()
    return code


def asked(task: Work) -> int:
    """Whether it can be done; nothing is."""
    try:
        tell("ready", facts=dict(task.check()))
    except Exception as error:  # noqa: BLE001 - whoever asks is told
        tell("refused", error=str(error) or type(error).__name__)
    tell("out")
    return 0


def run(task: Work, order: Mapping[str, Any], stop: threading.Event) -> int:
    """Apply, hold, undo."""
    ends = time.monotonic() + order["seconds"]
    if stop.is_set() or time.time() >= order["expires_at"]:
        return out(task)
    try:
        task.apply()
        tell("in", **told(task.look()))
    except Exception as error:  # noqa: BLE001 - half of it may be in
        tell("failed", error=f"{type(error).__name__}: {error}")
        return out(task) or 1
    if task.lasts:
        hold(task, ends, order["expires_at"], stop)
    return out(task)


def hold(task: Work, ends: float, expires_at: float, stop: threading.Event) -> None:
    """Until the deadline on either clock, or until it is told to stop; tells what changes."""
    before: Look | None = None
    while (left := min(ends - time.monotonic(), expires_at - time.time())) > 0:
        if stop.wait(min(POLL, left)):
            return
        now = seen(task)
        if now is not None and now != before:
            tell("seen", **told(now))
        before = now


def seen(task: Work) -> Look | None:
    """What is seen now; None: it could not look."""
    try:
        return task.look()
    except Exception as error:  # noqa: BLE001 - the deadline counts, whatever it sees
        tell("blind", error=f"{type(error).__name__}: {error}")
        return None


def out(task: Work) -> int:
    """Undo it, and look that it is undone."""
    error = ""
    for _ in range(TRIES):
        try:
            task.undo()
            if not task.look().present:
                tell("out")
                return 0
            error = "it is still seen"
        except Exception as failure:  # noqa: BLE001 - it is tried again
            error = f"{type(failure).__name__}: {failure}"
        time.sleep(PAUSE)
    tell("left", error=error)
    return 2


def told(look: Look) -> dict[str, Any]:
    """As it goes into a line."""
    return {"present": look.present, "felt": look.felt, "details": dict(look.details)}


def tell(event: str, **more: Any) -> None:
    """One line, as JSON."""
    print(json.dumps({"event": event, "at": time.time(), **more}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
