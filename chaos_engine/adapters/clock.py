"""The machine's clocks."""

from __future__ import annotations

import time

from chaos_engine.model import Now


class SystemClock:
    """Fulfils `ports.Clock`."""

    def now(self) -> Now:
        """This moment on the wall clock and the monotonic one."""
        return Now(time.time(), time.monotonic())

    def wait(self, seconds: float) -> None:
        """Let time pass; `ports.World.wait` for scenarios that follow something."""
        time.sleep(seconds)
