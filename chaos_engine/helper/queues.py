"""Queueing disciplines on the way out of this network namespace. Those of ours are known by their handle.

https://man7.org/linux/man-pages/man8/tc.8.html
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

HANDLE, LEAF = "c4a0:", "c4a1:"
CLASS = "c4a0:10"  # what a CLASSIFY rule names, where not everything is meant
AMPLE = "10gbit"


def put(words: Sequence[str], *, classified: bool) -> None:
    """On every device but loopback. `classified`: only for packets of CLASS. OSError: the kernel cannot."""
    for device in devices():
        _refuse_another(device)
        if not classified:
            _tc("qdisc", "add", "dev", device, "root", "handle", HANDLE, *words)
            continue
        # What has no class goes straight through an HTB without a default.
        _tc("qdisc", "add", "dev", device, "root", "handle", HANDLE, "htb", "default", "0")
        _tc("class", "add", "dev", device, "parent", HANDLE, "classid", CLASS,
            "htb", "rate", AMPLE, "quantum", "60000")  # fmt: skip
        _tc("qdisc", "add", "dev", device, "parent", CLASS, "handle", LEAF, *words)


def ours() -> list[dict[str, Any]]:
    """Those of ours with their counters, as tc has them; less an HTB that only sorts."""
    found = [each for each in _all() if each["handle"] in (HANDLE, LEAF)]
    leaves = [each for each in found if each["handle"] == LEAF]
    return leaves or found


def remove_ours() -> None:
    """Whatever is there of ours; the kernel puts its own default back."""
    for each in _all():
        if each["handle"] == HANDLE and each.get("root"):
            _tc("qdisc", "del", "dev", each["dev"], "root")


def devices() -> list[str]:
    """All but loopback."""
    found = json.loads(_run("ip", "-json", "link", "show", "up"))
    return [each["ifname"] for each in found if "LOOPBACK" not in each["flags"]]


def _refuse_another(device: str) -> None:
    """A default has the handle 0: whatever else is there, somebody has put there."""
    for each in _all():
        if each["dev"] == device and each.get("root") and each["handle"] != "0:":
            raise OSError(f"{device} has a queue of its own already ({each['kind']})")


def _all() -> list[dict[str, Any]]:
    return list(json.loads(_run("tc", "-s", "-json", "qdisc", "show")))


def _tc(*words: str) -> None:
    _run("tc", *words)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise OSError(f"{shlex.join(command)}: {done.stderr.strip()}")
    return done.stdout
