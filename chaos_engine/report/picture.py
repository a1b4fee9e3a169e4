"""Pure: the shapes of the pictures in a page, in units of the SVG; times become places on its width."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 1000.0
LANE = 40.0
LEAST = 1.6  # units that a fault is wide at least: else nobody sees it
TICKS = 5
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARKS = 60


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `kind` says what it means, `text` what it shows when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """Places of moments."""

    start: float
    end: float

    def at(self, moment: float) -> float:
        """Units from the left."""
        share = (moment - self.start) / max(self.end - self.start, 1e-9)
        return round(WIDTH * min(max(share, 0.0), 1.0), 2)

    def between(self, start: float, end: float, least: float = 0.0) -> tuple[float, float]:
        """Left and width."""
        left = self.at(start)
        return min(left, WIDTH - least), max(round(self.at(end) - left, 2), least)

    @property
    def ticks(self) -> list[float]:
        """Moments to write below it."""
        return [self.start + (self.end - self.start) * n / (TICKS - 1) for n in range(TICKS)]


def axis(timeline: Mapping[str, Any]) -> Axis:
    """Of a timeline."""
    return Axis(timeline["start"], timeline["end"])


def faults(timeline: Mapping[str, Any]) -> list[Box]:
    """One by one, or stacked by slice where they are many."""
    places = axis(timeline)
    if not timeline["counts"]:
        return [_fault(places, fault) for fault in timeline["faults"]]
    most = max(sum(piece["verdicts"].values()) for piece in timeline["counts"])
    return [box for piece in timeline["counts"] for box in _stack(places, piece, most)]


def _fault(places: Axis, fault: Mapping[str, Any]) -> Box:
    x, width = places.between(fault["start"], fault["end"], LEAST)
    text = f"{fault['experiment']} {fault['scenario']} on {fault['target']}: {fault['verdict']}"
    return Box(x, 0, width, LANE, fault["verdict"], text)


def _stack(places: Axis, piece: Mapping[str, Any], most: int) -> list[Box]:
    x, width = places.between(piece["start"], piece["end"], LEAST)
    boxes, top = [], LANE
    for verdict, count in piece["verdicts"].items():
        height = round(LANE * count / most, 2)
        top = round(top - height, 2)
        boxes.append(Box(x, top, width, height, verdict, f"{count} {verdict}"))
    return boxes


def shadows(timeline: Mapping[str, Any]) -> list[Box]:
    """The faults behind a probe's lane, where they are drawn one by one."""
    places = axis(timeline)
    spans = ((fault, places.between(fault["start"], fault["end"], LEAST)) for fault in timeline["faults"])
    return [Box(x, 0, width, LANE, "shadow", fault["experiment"]) for fault, (x, width) in spans]


def lane(timeline: Mapping[str, Any], one: Mapping[str, Any]) -> list[Box]:
    """Available from below, not available above it; nothing where nobody has judged."""
    places, boxes = axis(timeline), []
    for piece in one["slices"]:
        x, width = places.between(piece["start"], piece["end"], LEAST)
        up = round(LANE * piece["availability"], 2)
        text = f"{piece['availability']:.1%} of {piece['seconds']:.0f} s judged"
        boxes.append(Box(x, round(LANE - up, 2), width, up, "up", text))
        if up < LANE:
            boxes.append(Box(x, 0, width, round(LANE - up, 2), "down", text))
    return boxes


def sparkline(one: Mapping[str, Any], timeline: Mapping[str, Any]) -> str:
    """A lane in a line of text: the worst of each place, a blank where nobody has judged."""
    places = axis(timeline)
    worst = [math.inf] * _SPARKS
    for piece in one["slices"]:
        index = min(int(places.at(piece["start"]) / WIDTH * _SPARKS), _SPARKS - 1)
        worst[index] = min(worst[index], piece["availability"])
    return "".join(" " if share > 1 else _BLOCKS[round(share * (len(_BLOCKS) - 1))] for share in worst)
