"""The rule of a composite alarm (API reference: PutCompositeAlarm, AlarmRule)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError

GRAMMAR = r"""
?start: either
?either: both | either OR both -> either
?both: one | both AND one -> both
?one: NOT one -> negation
    | "(" either ")"
    | STATE "(" NAME ")" -> state
    | CONSTANT -> constant

OR.2: /OR\b/i
AND.2: /AND\b/i
NOT.2: /NOT\b/i
CONSTANT.2: /(TRUE|FALSE)\b/i
STATE.2: /(ALARM|OK|INSUFFICIENT_DATA)(?=\s*\()/
NAME: /"[^"]*"|[^\s()"][^()"]*/
%ignore /\s+/
"""
DEEPEST = 250
States = Mapping[str, str]  # by name, and by ARN
Test = Callable[[States], bool]


@dataclass(frozen=True)
class Rule:
    """Whether it holds, given the states of the alarms that it refers to by name or ARN."""

    text: str
    holds: Test
    children: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    test: Test
    children: tuple[str, ...] = ()
    depth: int = 1


class _Tree(Transformer[Token, _Part]):
    def either(self, parts: tuple[_Part, Token, _Part]) -> _Part:
        left, _, right = parts
        return _joined(left, right, lambda states: left.test(states) or right.test(states))

    def both(self, parts: tuple[_Part, Token, _Part]) -> _Part:
        left, _, right = parts
        return _joined(left, right, lambda states: left.test(states) and right.test(states))

    def negation(self, parts: tuple[Token, _Part]) -> _Part:
        _, inner = parts
        return _Part(lambda states: not inner.test(states), inner.children, inner.depth + 1)

    def state(self, parts: tuple[Token, Token]) -> _Part:
        wanted, name = str(parts[0]), str(parts[1]).strip().strip('"')
        return _Part(lambda states: states.get(name) == wanted, (name,))

    def constant(self, parts: tuple[Token]) -> _Part:
        always = parts[0].upper() == "TRUE"
        return _Part(lambda _: always)


def _joined(left: _Part, right: _Part, test: Test) -> _Part:
    return _Part(test, left.children + right.children, max(left.depth, right.depth) + 1)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Tree())


def parse(text: str) -> Rule:
    """ValueError if it is not a rule."""
    try:
        part: _Part = _parser().parse(text)  # type: ignore[assignment]  # the transformer makes parts of trees
    except LarkError:
        raise ValueError(f"AlarmRule is not valid: {text}") from None
    if part.depth > DEEPEST:  # it is evaluated by recursion
        raise ValueError(f"AlarmRule is not valid: it is nested more than {DEEPEST} deep")
    return Rule(text, part.test, tuple(dict.fromkeys(part.children)))
