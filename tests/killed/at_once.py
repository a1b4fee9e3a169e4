"""Many runs side by side: they mostly wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from tests.killed.outcome import Outcome

C = TypeVar("C")
SAY_EVERY = 20.0  # seconds


def play(name: str, cases: Iterable[C], run: Callable[[C], Outcome], at_once: int) -> list[Outcome]:
    """The outcomes of all, those that are not good told as they come."""
    todo, outcomes, said = list(cases), list[Outcome](), time.monotonic()
    for outcome in _done(todo, run, at_once):
        outcomes.append(outcome)
        if not outcome.good:
            say(f"{name}: {outcome.case}: {_told(outcome)}")
        if time.monotonic() - said > SAY_EVERY or len(outcomes) == len(todo):
            said = time.monotonic()
            left = sum(bool(outcome.left) for outcome in outcomes)
            say(f"{name}: {len(outcomes)} of {len(todo)} runs, {left} left")
    return outcomes


def _done(todo: list[C], run: Callable[[C], Outcome], at_once: int) -> Iterator[Outcome]:
    """As they come; Ctrl-C waits for those alone that are under way, since they clean up."""
    pool = ThreadPoolExecutor(at_once)
    try:
        for done in as_completed([pool.submit(run, case) for case in todo]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _told(outcome: Outcome) -> str:
    if not outcome.hit:
        return f"the step was not reached: {outcome.trouble}"
    return "; ".join((*outcome.left, outcome.trouble)).strip("; ")


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
