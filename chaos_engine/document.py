"""A part of a file that users write: it refuses keys that it does not know."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from chaos_engine.spelling import nearest

REFUSED = "refused"  # the type of our own problems: their text is all there is to say


class Document(BaseModel):
    """Refuses keys that it does not know, and names the nearest one that it does."""

    # Deferred: most documents are not read by a command, and its start waits for what it builds.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)
    takes_others: ClassVar[bool] = False  # keys that are no fields are somebody else's to check

    @model_validator(mode="wrap")
    @classmethod
    def _no_unknown_keys(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        data = {} if data is None else data  # a section whose lines are all commented out
        known = {field.alias or name for name, field in cls.model_fields.items()}
        closed = isinstance(data, dict) and not cls.takes_others
        odd = [key for key in data if str(key) not in known] if closed else []
        problems: list[InitErrorDetails] = [_unknown(key, data[key], known) for key in odd]
        try:
            valid = validate(data)
        except ValidationError as error:
            problems += [_again(problem) for problem in error.errors(include_url=False)]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return valid


def _unknown(key: object, value: object, known: set[str]) -> InitErrorDetails:
    text = f"unknown key {str(key)!r}{nearest(str(key), known)}; allowed: {', '.join(sorted(known))}"
    return InitErrorDetails(type=_refusal(text), loc=(str(key),), input=value)


def _again(problem: ErrorDetails) -> InitErrorDetails:
    """A problem of an inner document, to be raised with those of this one."""
    kind: str | PydanticCustomError = problem["type"]
    if kind == REFUSED:
        kind = _refusal(problem["ctx"]["text"])
    return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"], ctx=problem.get("ctx", {}))


def _refusal(text: str) -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{text}", {"text": text})
