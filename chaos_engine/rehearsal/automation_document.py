"""A runbook as it is written: its keys, and the shape of each. Its meaning is checked in `automation_checks`.

Keys as in AWS's pages "Data elements and parameters" and "Properties shared by all actions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel, to_pascal

ABORT, CONTINUE, TO_STEP = "Abort", "Continue", "step:"


class RefusedError(ValueError):
    """What was asked for is not possible, or is not rehearsed; the message names the part."""


def _known_word(value: object) -> object:
    """AWS takes `abort` and `Abort` for the same."""
    return value.capitalize() if isinstance(value, str) and not value.startswith(TO_STEP) else value


Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_]+$", max_length=128)]
ToStep = Annotated[str, Field(pattern=r"^(Abort|step:[a-zA-Z0-9_]+)$"), BeforeValidator(_known_word)]
OnFailure = Annotated[
    str, Field(pattern=r"^(Abort|Continue|step:[a-zA-Z0-9_]+)$"), BeforeValidator(_known_word)
]
Kind = Literal["String", "StringList", "Integer", "Boolean", "StringMap", "MapList"]


class Written(BaseModel):
    """Unknown keys are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Output(Written):
    """A part of an API's response that a step keeps."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_]+$", max_length=50)]
    selector: str
    type: Kind = "String"


class Step(Written):
    """One step of a runbook."""

    name: Name
    action: str
    description: str = ""
    inputs: dict[str, Any] = {}
    timeout_seconds: Annotated[int, Field(ge=1)] | None = None
    max_attempts: Annotated[int, Field(ge=1)] = 1
    on_failure: OnFailure = ABORT
    on_cancel: ToStep = ABORT
    is_critical: bool | None = None
    is_end: bool = False
    next_step: Name | None = None
    outputs: tuple[Output, ...] = ()

    @property
    def critical(self) -> bool:
        """Whether its failure fails the automation. By default: unless it goes on after a failure."""
        return self.on_failure != CONTINUE if self.is_critical is None else self.is_critical


class Parameter(Written):
    """What a document asks of its caller."""

    type: str
    description: str = ""
    default: Any = None
    allowed_values: tuple[Any, ...] = ()
    allowed_pattern: str | None = None
    display_type: Literal["textfield", "textarea"] | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None


class Runbook(Written):
    """A document of type Automation."""

    schema_version: Annotated[Literal["0.3"], BeforeValidator(str)]
    description: str = ""
    assume_role: str = ""
    parameters: dict[Annotated[str, Field(pattern=r"^[a-zA-Z0-9_]+$", max_length=50)], Parameter] = {}
    main_steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    outputs: tuple[str, ...] = ()

    def step(self, name: str) -> Step:
        """KeyError when there is none of that name."""
        for step in self.main_steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def following(self, step: Step) -> str | None:
        """The step that comes next when nothing else is said."""
        if step.next_step:
            return step.next_step
        names = [one.name for one in self.main_steps]
        rest = names[names.index(step.name) + 1 :]
        return rest[0] if rest else None


def read(content: object) -> Runbook:
    """A runbook from parsed JSON or YAML. RefusedError names each key that is wrong, by its path."""
    if not isinstance(content, Mapping):
        raise RefusedError("the document is not a mapping")
    try:
        return Runbook.model_validate(content)
    except ValidationError as error:
        raise RefusedError(
            "; ".join(_said(one["loc"], one["type"], one["msg"]) for one in error.errors())
        ) from None


def target_of(word: str) -> str | None:
    """The step of `step:name`; None for Abort and Continue."""
    return word.removeprefix(TO_STEP) if word.startswith(TO_STEP) else None


def _said(place: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(part) for part in place)
    return f"{path}: unknown key" if kind == "extra_forbidden" else f"{path}: {message}"
