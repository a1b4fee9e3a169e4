"""The choices of `aws:branch`: `if, elif, else` over variables. Rules from AWS's page "aws:branch"."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping

from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_variables import as_text

Numbers = Callable[[float, float], bool]
Texts = Callable[[str, str], bool]
_TEXT: dict[str, Texts] = {
    "StringEquals": operator.eq,
    "EqualsIgnoreCase": lambda value, wanted: value.casefold() == wanted.casefold(),
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
    "Contains": operator.contains,
}
_NUMBER: dict[str, Numbers] = {
    "NumericEquals": operator.eq,
    "NumericGreater": operator.gt,
    "NumericLesser": operator.lt,
    "NumericGreaterOrEquals": operator.ge,
    "NumericLesserOrEquals": operator.le,
}
_BOOLEAN = "BooleanEquals"
OPERATORS = frozenset({*_TEXT, *_NUMBER, _BOOLEAN})
_JOINTS = frozenset({"And", "Or", "Not"})


def chosen(choices: list[dict[str, object]]) -> str | None:
    """The step of the first choice that is true; None when none is. Variables are already resolved."""
    return next((str(choice["NextStep"]) for choice in choices if _holds(choice)), None)


def targets(choices: object) -> Iterator[str]:
    """The steps that a branch may go to."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping) and isinstance(choice.get("NextStep"), str):
            yield choice["NextStep"]


def check(choices: object) -> None:
    """RefusedError names the operator, or the key that a choice lacks."""
    if not isinstance(choices, list) or not choices:
        raise RefusedError("Choices is a list with at least one choice")
    for choice in choices:
        if not isinstance(choice, Mapping) or not isinstance(choice.get("NextStep"), str):
            raise RefusedError("each of Choices needs a NextStep")
        _check_condition({key: value for key, value in choice.items() if key != "NextStep"})


def _check_condition(condition: object) -> None:
    if not isinstance(condition, Mapping):
        raise RefusedError(f"a choice is a mapping, not {condition!r}")
    if joint := _JOINTS & condition.keys():
        return _check_joint(condition, sorted(joint))
    if unknown := condition.keys() - OPERATORS - {"Variable"}:
        raise RefusedError(
            f"unknown operator {', '.join(sorted(unknown))}; allowed: {', '.join(sorted(OPERATORS))}"
        )
    if "Variable" not in condition or len(condition) != 2:  # noqa: PLR2004
        raise RefusedError("a choice has one Variable and one operator")
    return None


def _check_joint(condition: Mapping[str, object], joints: list[str]) -> None:
    if len(condition) > 1:
        raise RefusedError(f"{joints[0]} stands alone in a choice, beside NextStep")
    parts = condition[joints[0]]
    if joints[0] != "Not" and (not isinstance(parts, list) or not parts):
        raise RefusedError(f"{joints[0]} is a list of conditions")
    for part in parts if isinstance(parts, list) and joints[0] != "Not" else (parts,):
        _check_condition(part)


def _holds(condition: Mapping[str, object]) -> bool:
    if "Not" in condition:
        return not _holds(_mapping(condition["Not"]))
    for joint, verdict in (("And", all), ("Or", any)):
        if isinstance(parts := condition.get(joint), list):
            return verdict(_holds(_mapping(part)) for part in parts)
    (name,) = condition.keys() & OPERATORS
    return _compared(name, condition["Variable"], condition[name])


def _mapping(part: object) -> Mapping[str, object]:
    return part if isinstance(part, Mapping) else {}


def _compared(name: str, value: object, wanted: object) -> bool:
    if name in _TEXT:
        return _TEXT[name](as_text(value), as_text(wanted))
    if name == _BOOLEAN:
        return _boolean(value) is not None and _boolean(value) == _boolean(wanted)
    left, right = _number(value), _number(wanted)
    return left is not None and right is not None and _NUMBER[name](left, right)


def _boolean(value: object) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
