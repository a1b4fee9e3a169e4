"""A continuous hypothesis: hours of the same answer are one line of the record, not a hundred thousand."""

from __future__ import annotations

from typing import Any

Answer = dict[str, Any]


class Repetition:
    """Its answers, as they come. News is what differs in more than its words from the answer before."""

    def __init__(self) -> None:
        self.answers = 0
        self.held: Answer | None = None  # the last answer, where it was no news
        self._known: list[Any] = []

    def is_news(self, answer: Answer) -> bool:
        """Whether it is to be written down now; else it is held, until there is another."""
        what = [
            answer["met"],
            *((one["name"], one["status"], one["tolerance_met"]) for one in answer["probes"]),
        ]
        news = not self.answers or what != self._known
        self._known, self.held = what, None if news else answer
        self.answers += 1
        return news
