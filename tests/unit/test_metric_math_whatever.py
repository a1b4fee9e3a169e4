"""Whatever is written as metric math: it is an answer of finite numbers, or refused with a sentence."""

from __future__ import annotations

import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chaos_engine.rehearsal.cloudwatch_samples import Window
from chaos_engine.rehearsal.metric_math import OWN_FORMS, Surroundings, check, evaluate
from chaos_engine.rehearsal.metric_math_functions import FUNCTIONS
from chaos_engine.rehearsal.metric_math_values import OPERATORS, Series

START = 1_700_000_040
M1 = Series({START: 1.0, START + 120: 4.0}, 60)
M2 = Series({START: 1e300, START + 60: -2.5, START + 180: 0.0}, 60)
AROUND = Surroundings({"m1": M1, "m2": M2}, ("m1", "m2"), Window(START, START + 300, START + 300))

KNOWN = [*FUNCTIONS, *OWN_FORMS]
SIGNS = [*"()[],+-*/^<", "==", "AND", "OR", "&&", " ", "m1", "m2", "5", "0", ".5", "1e999"]
LEAVES = [
    "m1",
    "m2",
    "5",
    "0",
    "1e999",
    "-m1",
    "METRICS()",
    "[m1, m2]",
    "REPEAT",
    "LINEAR",
    "AVG",
    "DESC",
    '"m"',
]


def called(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return st.builds("{}({})".format, st.sampled_from(KNOWN), arguments) | st.builds(
        "({} {} {})".format, inner, st.sampled_from(list(OPERATORS)), inner
    )


nested = st.recursive(st.sampled_from(LEAVES), called, max_leaves=6)
jumbled = st.lists(st.sampled_from(SIGNS + KNOWN), max_size=12).map("".join)


@settings(max_examples=600, deadline=None)
@given(nested | jumbled | st.text(max_size=12))
@example("SLICE(METRICS(), 1e999)")
@example("TIME_SERIES(1e999)")
def test_it_is_answered_or_refused(expression: str) -> None:
    try:
        check(expression, {"m1", "m2"})
        value = evaluate(expression, AROUND)
    except ValueError:
        return
    for series in value if isinstance(value, tuple) else (value,):
        assert isinstance(series, Series)
        assert all(math.isfinite(each) for each in series.values.values())
        assert list(series.values) == sorted(series.values)
