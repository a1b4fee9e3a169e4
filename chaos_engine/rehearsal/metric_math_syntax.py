"""The syntax of metric math (user guide: "Using metric math"): text in, tree out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken

GRAMMAR = r"""
?start: either
?either: both | either OR both -> binary
?both: comparison | both AND comparison -> binary
?comparison: sum | comparison COMPARE sum -> binary
?sum: product | sum ADD product -> binary
?product: unary | product MULTIPLY unary -> binary
?unary: power | "-" unary -> negative
?power: atom | atom POWER unary -> binary
?atom: "(" either ")"
     | NUMBER -> number
     | TEXT -> text
     | NAME -> name
     | WORD -> word
     | WORD "(" [either ("," either)*] ")" -> call
     | "[" either ("," either)* "]" -> array

OR.2: /OR\b|\|\|/
AND.2: /AND\b|&&/
COMPARE: /[=!<>]=|[<>]/
ADD: "+" | "-"
MULTIPLY: "*" | "/"
POWER: "^"
NUMBER: /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
TEXT: /"[^"]*"|'[^']*'/
NAME: /[a-z][A-Za-z0-9_]*/
WORD: /[A-Z][A-Z0-9_]*/
%ignore /\s+/
"""


@dataclass(frozen=True)
class Number:
    """A literal scalar."""

    value: float


@dataclass(frozen=True)
class Text:
    """A quoted string, as in METRICS("errors")."""

    value: str


@dataclass(frozen=True)
class Name:
    """The id of another query."""

    value: str


@dataclass(frozen=True)
class Word:
    """A bare word in capitals, as REPEAT or DESC."""

    value: str


@dataclass(frozen=True)
class Array:
    """`[m1, m2]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Negative:
    """Unary minus."""

    operand: Node


@dataclass(frozen=True)
class Binary:
    """Two operands; `operator` is one of + - * / ^ == != <= >= < > AND OR."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Word | Array | Negative | Binary | Call


class _Tree(Transformer[Token, Node]):
    def number(self, children: list[Token]) -> Node:
        return Number(float(children[0]))

    def text(self, children: list[Token]) -> Node:
        return Text(str(children[0])[1:-1])

    def name(self, children: list[Token]) -> Node:
        return Name(str(children[0]))

    def word(self, children: list[Token]) -> Node:
        return Word(str(children[0]))

    def array(self, children: list[Node]) -> Node:
        return Array(tuple(children))

    def negative(self, children: list[Node]) -> Node:
        return Negative(children[0])

    def binary(self, children: tuple[Node, Token, Node]) -> Node:
        left, operator, right = children
        return Binary({"&&": "AND", "||": "OR"}.get(str(operator), str(operator)), left, right)

    def call(self, children: list[Node | None]) -> Node:
        function, *arguments = children
        return Call(str(function), tuple(each for each in arguments if each is not None))


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Tree(), maybe_placeholders=True)


@lru_cache(maxsize=1024)
def parse(expression: str) -> Node:
    """The expression's tree. ValueError says where it cannot be read."""
    try:
        return _parser().parse(expression)  # type: ignore[return-value]  # the transformer makes nodes of trees
    except UnexpectedInput as error:
        raise ValueError(f"cannot be read {_place(error, expression)}") from None
    except LarkError as error:
        raise ValueError(str(error)) from None


def _place(error: UnexpectedInput, expression: str) -> str:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return "to its end: something is missing there"
    position = error.pos_in_stream or 0
    return f"from character {position + 1}, at {expression[position : position + 20]!r}"


def names(node: Node) -> set[str]:
    """The ids that an expression refers to."""
    return {each.value for each in walk(node) if isinstance(each, Name)}


def walk(node: Node) -> list[Node]:
    """The node and all below it."""
    found, waiting = [], [node]
    while waiting:
        found.append(current := waiting.pop())
        waiting += _below(current)
    return found


def _below(node: Node) -> tuple[Node, ...]:
    match node:
        case Array(items):
            return items
        case Negative(operand):
            return (operand,)
        case Binary(_, left, right):
            return left, right
        case Call(_, arguments):
            return arguments
        case _:
            return ()
