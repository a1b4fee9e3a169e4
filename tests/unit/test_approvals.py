"""An approval is for one thing, once, and for a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.approvals import (
    MOST,
    Approval,
    Approvals,
    approve,
    as_fact,
    ask,
    expired,
    of_fact,
    used,
)
from chaos_engine.approvals import (
    given as given_for,
)


def wanted(target: str = "shop", at: float = 0.0) -> Approval:
    return Approval("", "crash", target, "large", at, at + 10.0)


def test_the_same_is_asked_for_once() -> None:
    one, first = ask((), wanted())
    same, again = ask(one, wanted(at=5.0))
    assert (same, again) == (one, first)
    both, other = ask(one, wanted("cart"))
    assert [each.id for each in both] == ["a1", "a2"]
    assert other.id == "a2"


def test_it_is_given_once_and_used_once() -> None:
    book, _ = ask((), wanted())
    assert given_for(book, "crash", "shop", 1.0) is None
    book, approved = approve(book, "a1", "ann", "agreed", 1.0)
    assert (approved.who, approved.because) == ("ann", "agreed")
    assert given_for(book, "crash", "cart", 2.0) is None
    assert given_for(book, "crash", "shop", 9.9) == approved
    assert given_for(book, "crash", "shop", 10.0) is None
    with pytest.raises(ValueError, match="a1 is approved already"):
        approve(book, "a1", "bob", "", 2.0)
    assert given_for(used(book, approved), "crash", "shop", 2.0) is None


def test_what_nobody_asked_for_or_is_too_late_cannot_be_given() -> None:
    book, _ = ask((), wanted())
    with pytest.raises(ValueError, match=r"no approval 'a2' is asked for.*allowed: a1"):
        approve(book, "a2", "", "", 1.0)
    with pytest.raises(ValueError, match="a1 is expired already"):
        approve(book, "a1", "", "", 10.0)


STEPS = st.lists(
    st.tuples(st.sampled_from(("ask", "approve", "use", "wait")), st.sampled_from("xyz"), st.integers(0, 8)),
    max_size=30,
)


@given(STEPS)
def test_nothing_is_allowed_that_was_not_approved_in_its_time(steps: list[tuple[str, str, int]]) -> None:
    book: Approvals = ()
    at, granted = 0.0, dict[str, float]()
    for what, target, number in steps:
        at += number if what == "wait" else 0.0
        book = expired(book, at)
        if what == "ask":
            book, _ = ask(book, wanted(target, at))
        if what == "approve" and book:
            chosen = book[number % len(book)]
            if chosen.state == "asked":
                book, one = approve(book, chosen.id, "", "", at)
                granted[one.id] = one.expires_at
        allowed = given_for(book, "crash", target, at)
        if allowed is not None:
            assert at < granted[allowed.id]
            if what == "use":
                book = used(book, allowed)
                del granted[allowed.id]
    kept: Any = json.loads(json.dumps(as_fact(book)))
    assert of_fact(kept) == book[-MOST:]
    assert len({one.id for one in book}) == len(book)
