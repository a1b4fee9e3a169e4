"""Pure: what the record of a Chaos Toolkit run says (the lines that `chaos_engine/toolkit` writes)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]
FAILING_ANSWER = 400  # HTTP status from which on an action is not known to have acted


@dataclass(frozen=True, slots=True)
class Record:
    """The lines of one run, oldest first, those of a later rollback among them."""

    lines: Sequence[Line]

    def all(self, event: str, **fields: Any) -> list[Line]:
        """Lines of that kind, with these fields."""
        return [
            line
            for line in self.lines
            if line.get("event") == event and all(line.get(k) == v for k, v in fields.items())
        ]

    def last(self, event: str) -> Line | None:
        """The last one of that kind."""
        found = self.all(event)
        return found[-1] if found else None

    @property
    def ended(self) -> Line | None:
        """How the run ended, as its own process tells it; None: it has not, or was killed."""
        return self.last("ended")

    @property
    def begun(self) -> bool:
        """Whether the method began: before that nothing was done."""
        return bool(self.all("method-started"))

    @property
    def began(self) -> float | None:
        """Wall time from which on the method's effects may be in: its own gate took its time before."""
        return next((float(line["at"]) for line in self.all("method-started")), None)

    @property
    def rolling_back(self) -> Line | None:
        """The rollbacks that are under way, or were when their process died; or what is to run them."""
        begun = next((line for line in reversed(self.lines) if _begins_rollbacks(line)), None)
        over = self.last("rollbacks-ended")
        if begun is None or (over is not None and _after(self.lines, over, begun)):
            return None
        return begun

    @property
    def rolled_back(self) -> bool:
        """Whether every rollback was run, and none failed, the last time."""
        over = self.last("rollbacks-ended")
        return over is not None and self.rolling_back is None and not over.get("failed")

    @property
    def skipped(self) -> bool:
        """Whether rollbacks were left out on purpose."""
        return bool((self.last("rollbacks-ended") or {}).get("skipped"))

    @property
    def strategy(self) -> str:
        """When rollbacks are run, as the run has settled it; empty: it has not."""
        settled = (line.get("strategies", {}) for line in self.lines if "strategies" in line)
        return next((str(strategies.get("rollbacks", "")) for strategies in settled), "")

    @property
    def gate(self) -> Line | None:
        """The hypothesis before the method."""
        return next(iter(self.all("hypothesis", when="before")), None)

    def answers(self) -> Iterator[tuple[Line, int]]:
        """The hypothesis during and after the method, and how many times in a row it was answered so.

        Of a continuous one only what is new is a line, and the last: `iteration` tells what is in between.
        """
        lines = [line for line in self.all("hypothesis") if line.get("when") != "before"]
        iterations = [line.get("iteration") for line in lines]
        for line, this, next_ in zip(lines, iterations, [*iterations[1:], None], strict=False):
            yield line, 1 if this is None or next_ is None else int(next_) - int(this)

    @property
    def hold_ended(self) -> float | None:
        """Wall time until which the method's effects were in."""
        marks = (self.all("rollbacks-started"), self.all("method-ended"), self.all("ended"))
        return next((float(found[0]["at"]) for found in marks if found), None)

    def doubts(self) -> Iterator[str]:
        """Why the fault is not known to be in: a sentence for each action that did not surely act."""
        for line in self.all("activity-ended", section="method", kind="action"):
            if text := doubt(line):
                yield f"action {line['name']!r} {text}"
        over = [_place(line) for line in self.all("activity-ended", section="method")]
        for line in self.all("activity-started", section="method", kind="action"):
            if _place(line) not in over:
                yield f"action {line['name']!r} was not seen to end"

    @property
    def acted(self) -> bool:
        """Whether any action was run in earnest."""
        return any(
            not line.get("dry") for line in self.all("activity-started", section="method", kind="action")
        )


def _place(line: Line) -> tuple[object, object]:
    """Two activities may have one name."""
    return line.get("index"), line["name"]


def doubt(line: Line) -> str:
    """What is wrong with an activity that has ended; empty: nothing."""
    said = f": {line['said']}" if line.get("said") else ""
    if line.get("status") != "succeeded":
        return f"failed{said}"
    if line.get("exit"):
        return f"ended with exit code {line['exit']}{said}"
    if int(line.get("code") or 0) >= FAILING_ANSWER:
        return f"was answered {line['code']}{said}"
    return ""


def owes_rollbacks(record: Record, *, strict: bool, written: str) -> bool:
    """Whether its rollbacks are still to be run. `written`: the strategy, where the run has not settled it.

    What was killed is rolled back, unless nobody may: whether it deviated, nobody knows.
    """
    strategy, ended = record.strategy or written, record.ended
    if not record.begun or strategy == "never" or record.rolled_back:
        return False
    if ended is None:
        return True
    if strict:
        return False
    return strategy != "deviated" or bool(ended.get("deviated"))


def _begins_rollbacks(line: Line) -> bool:
    return line.get("event") == "rollbacks-started" or bool(line.get("rollback"))


def _after(lines: Sequence[Line], one: Line, other: Line) -> bool:
    """Whether one stands behind the other: the clock may have been set in between."""
    places = {id(line): index for index, line in enumerate(lines)}
    return places[id(one)] > places[id(other)]
