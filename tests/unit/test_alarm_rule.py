"""The rule of composite alarms."""

from __future__ import annotations

import pytest

from chaos_engine.rehearsal.alarm_rule import parse

STATES = {"hot": "ALARM", "cold": "OK", "new one": "INSUFFICIENT_DATA", "OK": "ALARM", "a-OR-b": "ALARM"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(hot)", True),
        ('ALARM("hot")', True),
        ("OK(hot)", False),
        ("OK(cold)", True),
        ('INSUFFICIENT_DATA("new one")', True),
        ("INSUFFICIENT_DATA(new one)", True),
        ("ALARM(nowhere)", False),
        ("OK(nowhere)", False),
        ("ALARM(OK)", True),
        ("ALARM(a-OR-b)", True),
        ("ALARM(hot) AND ALARM(cold)", False),
        ("ALARM(hot) OR ALARM(cold)", True),
        ("ALARM(hot) AND NOT ALARM(cold)", True),
        ("NOT ALARM(hot) OR ALARM(hot)", True),
        ("NOT (ALARM(hot) OR ALARM(cold))", False),
        ("TRUE OR TRUE AND FALSE", True),  # AND binds closer
        ("(TRUE OR TRUE) AND FALSE", False),
        ("NOT FALSE", True),
        ("false", False),
        ("  ALARM ( hot )\n AND\n OK(cold) ", True),
    ],
)
def test_rules(rule: str, *, holds: bool) -> None:
    assert parse(rule).holds(STATES) is holds


def test_children_are_named_once_in_order() -> None:
    assert parse('ALARM(b) AND (OK(a) OR ALARM("b")) AND TRUE').children == ("b", "a")


@pytest.mark.parametrize(
    "rule", ["", "ALARM", "ALARM(", "ALARM()", "hot", "ALARM(hot) XOR OK(cold)", "NOT", "alarm(hot)"]
)
def test_what_is_no_rule(rule: str) -> None:
    with pytest.raises(ValueError, match="AlarmRule is not valid"):
        parse(rule)


def test_a_rule_that_is_too_deep() -> None:
    with pytest.raises(ValueError, match="AlarmRule is not valid: it is nested"):
        parse("NOT " * 2500 + "TRUE")
    assert parse(" OR ".join(["ALARM(cold)"] * 150)).holds(STATES) is False
