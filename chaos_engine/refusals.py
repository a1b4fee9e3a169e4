"""From what pydantic finds wrong to sentences that name place, value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chaos_engine.document import REFUSED
from chaos_engine.written import ConfigError, Place, Written

D = TypeVar("D", bound=BaseModel)
_STEPS = ("mapping", "word", "own", "to_webhook", "to_syslog", "to_apprise")  # pydantic's, not the user's


@dataclass(slots=True)
class Draft:
    """A document that is being read, and what was found wrong with it."""

    written: Written
    problems: list[str] = field(default_factory=list)

    def wrong(self, place: Place, text: str) -> None:
        """Note a problem; reading goes on, so that all are told at once."""
        self.problems.append(f"{self.written.where(place)}: {text}")

    def check(self) -> None:
        """ConfigError if anything was wrong."""
        if self.problems:
            raise ConfigError(dict.fromkeys(self.problems))


def validated(shape: type[D], draft: Draft) -> D:
    """The document in its shape. ConfigError with every problem."""
    try:
        return shape.model_validate(draft.written.data)
    except ValidationError as error:
        refuse(draft, error, ())
        raise ConfigError(draft.problems) from None


def refuse(draft: Draft, error: ValidationError, below: Place) -> None:
    """Note all that the error holds; `below` is where the validated part stands in the document."""
    for problem in error.errors(include_url=False):
        place = _place(draft.written.data, (*below, *problem["loc"]))
        draft.wrong(place, _text(problem))


def _place(data: Any, loc: Place) -> Place:
    """The path in the user's document: pydantic's own steps (the names of union members) left out."""
    place: list[str | int] = []
    loc = loc[:-1] if loc[-1:] == ("[key]",) else loc
    for part in loc:
        if _has(data, part):
            data = data[part]
        elif part is not loc[-1] or part in _STEPS:
            continue
        place.append(part)
    return tuple(place)


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _text(problem: Any) -> str:
    kind, given = problem["type"], problem["input"]
    if problem["loc"][-1:] == ("[key]",):
        return (
            f"the key {given!r} is no text; allowed: a text, in quotes where YAML takes it for something else"
        )
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    if kind == REFUSED:
        return str(problem["ctx"]["text"])
    if kind == "missing":
        return "is missing"
    return f"{given!r} does not do; allowed: {_allowed(problem)}"


def _allowed(problem: Any) -> str:
    """In the words of who writes YAML, where pydantic's are those of who writes Python."""
    bounds = problem.get("ctx", {})
    if problem["type"] in ("greater_than_equal", "less_than_equal"):
        return f"at least {bounds['ge']}" if "ge" in bounds else f"at most {bounds['le']}"
    known = next((text for kinds, text in _KINDS if problem["type"].startswith(kinds)), None)
    return known or str(problem["msg"]).removeprefix("Input should be ")


_KINDS = (
    (("model_", "dict_"), "a mapping, `key: value` a line"),
    (("tuple_", "list_"), "a list, such as [a, b]"),
    (("bool_",), "true or false"),
    (("int_",), "a whole number"),
    (("string_", "path_"), "a text"),
)
