"""The step actions that are rehearsed, and which inputs each takes. Names from AWS's actions reference."""

from __future__ import annotations

from dataclasses import dataclass

HOUR = 3600


@dataclass(frozen=True)
class Action:
    """`calls`: its other inputs are an API's own. `gives`: outputs it always has. `timeout`: seconds."""

    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    calls: bool = False
    timeout: int | None = None


_API = frozenset({"Service", "Api"})
_PROPERTY = frozenset({"PropertySelector", "DesiredValues"})
ACTIONS = {
    "aws:sleep": Action(takes=frozenset({"Duration", "Timestamp"})),
    "aws:executeAwsApi": Action(needs=_API, calls=True),
    "aws:waitForAwsResourceProperty": Action(needs=_API | _PROPERTY, calls=True, timeout=HOUR),
    "aws:assertAwsResourceProperty": Action(needs=_API | _PROPERTY, calls=True),
    "aws:branch": Action(needs=frozenset({"Choices"}), takes=frozenset({"Default"})),
    "aws:changeInstanceState": Action(
        needs=frozenset({"InstanceIds", "DesiredState"}),
        takes=frozenset({"CheckStateOnly", "Force", "AdditionalInfo"}),
        gives=frozenset({"InstanceStates"}),
        timeout=HOUR,
    ),
}
# "The onCancel property doesn't support moving to" these, of those that are rehearsed.
NOT_AFTER_CANCEL = frozenset({"aws:sleep"})
STATES = ("running", "stopped", "terminated")
