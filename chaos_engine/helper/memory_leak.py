"""Memory that counts against a cgroup and is no process's: when it is short, the kernel kills the victim's.

It is a file in memory, which small processes fill from inside the cgroup. To be spared by the kernel in any
other way takes a capability (SYS_RESOURCE) that not every Engine has.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable

from chaos_engine.helper import workers
from chaos_engine.helper.cgroup import Group, enter

LEAST, STEPS = 4 << 20, 64  # bytes of a step; steps up to the limit
WRITER = "dd"


def leak(name: str, group: Group, limit: int, killed: Callable[[], int]) -> None:
    """Until somebody was killed; then it is given back. Never returns."""
    held = os.memfd_create(name)
    os.set_inheritable(held, True)  # noqa: FBT003
    step = max(LEAST, limit // STEPS)
    while True:
        grew = _grown(name, group, held, step)
        if killed() or not grew:
            break
    if grew:  # it was one of the victim's; where it was ours, what is held stays: the victim's are next
        os.close(held)
    while True:
        time.sleep(60)


def _grown(name: str, group: Group, held: int, step: int) -> bool:
    """Whether it could be had."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _write(name, group, held, step, parent)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _write(name: str, group: Group, held: int, step: int, parent: int) -> None:
    """Becomes the writer: it is smaller than this program, and so than nearly everybody's."""
    workers.mark(name, parent)
    path = shutil.which(WRITER) or WRITER
    enter(group)
    os.execv(  # noqa: S606
        path,
        [
            name,
            "if=/dev/zero",
            f"of=/proc/self/fd/{held}",
            "bs=256K",
            f"count={step // (256 << 10)}",
            "oflag=append",
            "conv=notrunc",
            "status=none",
        ],
    )
