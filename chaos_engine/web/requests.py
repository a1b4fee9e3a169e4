"""What the API is asked: the models of its bodies."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# No control characters, nor half of a surrogate pair: it is logged, and kept.
_TEXT = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, Field(max_length=500, pattern=_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_TEXT)]
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}(ms|s|m|h)$", examples=["30s"])]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]


class Asked(BaseModel):
    """`who` asks; without it the address that it comes from. `reason` is kept in the journal."""

    model_config = ConfigDict(extra="forbid", strict=True)

    who: Text = ""
    reason: Text = ""


class Injection(Asked):
    """One fault now. `for`: how long it is held, in seconds or as `30s`; `now`: without the gate."""

    scenario: Name
    target: Name
    hold: Seconds | Duration | None = Field(default=None, alias="for")
    now: bool = False


class Change(Asked):
    """New values by the settings' paths, such as `schedule.every: 60s` or `scenarios.crash.weight: 0.5`.

    `reset`: back to what the file says, all of them or these.
    """

    changes: Annotated[dict[str, Text | bool | int | float | None], Field(max_length=100)] = {}
    reset: bool | Annotated[list[Name], Field(max_length=100)] = False
