"""Fail-fast, in mid-pause: the pause ends, and nothing begins after it.

chaoslib looks whether it has failed only after an activity and its pauses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import chaoslib.activity
from chaoslib.exceptions import ActivityFailed


class Pauses:
    """Stands where `chaoslib.activity` finds `time`; `in_method`: whether it is the method that pauses."""

    def __init__(self, in_method: Callable[[], bool]) -> None:
        self._in_method = in_method
        self._failed = threading.Event()

    def fail_fast(self) -> None:
        """The hypothesis has failed: whatever pauses in the method goes on."""
        self._failed.set()

    @property
    def over(self) -> bool:
        """No activity of the method begins any more."""
        return self._failed.is_set() and self._in_method()

    def sleep(self, seconds: Any) -> None:
        """As `time.sleep`."""
        if self._in_method() and seconds > 0:
            self._failed.wait(seconds)
        else:
            time.sleep(seconds)

    def take_over(self) -> None:
        """Once in a process."""
        run_activity = chaoslib.activity.run_activity

        def run(activity: dict[str, Any], *more: Any, **named: Any) -> Any:
            if self.over:
                raise ActivityFailed("not begun: the hypothesis failed fast")
            return run_activity(activity, *more, **named)

        chaoslib.activity.run_activity = run
        chaoslib.activity.time = self
