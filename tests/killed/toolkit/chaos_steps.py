"""The activities of the Chaos Toolkit's experiment: what our own engine does, with fault points like ours.

Runs in the environment of the Chaos Toolkit, so it imports nothing of ours. The state is written as ours is:
to a temporary file, synced, renamed over.
"""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

VARIABLE = "PEER_FAULT_POINT"  # step:SIGNAL:marker
_asked: list[str] = []


def reach(step: str) -> None:
    wanted, name, marker = os.environ.get(VARIABLE, "::").split(":")
    if step != wanted or Path(marker).exists():
        return
    Path(marker).write_text(step)
    os.kill(os.getpid(), signal.Signals[f"SIG{name}"])


def probe(url: str) -> int:
    """The status; the first time it is the gate, then the hypothesis."""
    reach("judge" if _asked else "gate")
    _asked.append(url)
    try:
        with urllib.request.urlopen(url, timeout=3.0) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def inject(state_file: str, mode: str, delay: float, lasts: float) -> None:
    now = time.time()
    state = {
        "mode": mode, "delay": delay, "timestamp": now, "injected_by": "chaos-toolkit", "schema": 1,
        "id": "peer-0", "owner": "peer", "target": "shop", "expires_at": now + lasts,
    }  # fmt: skip
    _write(Path(state_file), state, "inject")


def hold(seconds: float) -> None:
    time.sleep(seconds / 2)
    reach("hold")
    time.sleep(seconds / 2)


def clear(state_file: str) -> None:
    state = {
        "mode": "healthy",
        "delay": 0,
        "timestamp": time.time(),
        "cleared_by": "chaos-toolkit",
        "schema": 1,
    }
    _write(Path(state_file), state, "clear")


def _write(path: Path, state: dict[str, object], kind: str) -> None:
    reach(f"before-{kind}-write")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    reach(f"mid-{kind}-write")
    temporary.replace(path)
    reach(f"after-{kind}-write")
