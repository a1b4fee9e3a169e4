"""A report's data as a page of HTML or Markdown. Nothing is computed here but how it looks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaos_engine.report import picture

Form = Literal["html", "markdown"]
_TEMPLATES = {"html": "report.html.j2", "markdown": "report.md.j2"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")
_SMALL, _LARGE = 1.0, 100.0  # seconds: below in milliseconds, above without a fraction
NONE = "\u2013"  # a dash, where there is no number


def page(report: Mapping[str, Any], form: Form) -> str:
    """The whole page."""
    zone = ZoneInfo(report["period"]["zone"])
    template = _environment(html=form == "html").get_template(_TEMPLATES[form])
    return template.render(report=report, picture=picture, when=partial(_when, zone), day=partial(_day, zone))


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("chaos_engine.report"),
        autoescape=html,  # noqa: S701 - Markdown has an escape of its own: the filter `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent, "seconds": seconds, "rate": rate, "value": value, "words": words, "plain": plain,
        "signed": signed,
    }  # fmt: skip
    return environment


def percent(share: float | None) -> str:
    """Whole per cent, but 99.6 % is not everything; a dash where there is none."""
    if share is None:
        return NONE
    shown = f"{share:.0%}"
    return f"{share:.1%}" if shown in ("0%", "100%") and share not in (0, 1) else shown


def rate(found: Mapping[str, Any]) -> str:
    """Never without its count."""
    return f"{percent(found['share'])} ({found['hits']} of {found['of']})"


def signed(by: float) -> str:
    """Points of per cent."""
    return f"{points:+d} points" if (points := round(100 * by)) else "less than a point"


def seconds(found: float | None) -> str:
    """As people say it."""
    if found is None:
        return NONE
    return (
        f"{found * 1000:.0f} ms"
        if 0 < found < _SMALL
        else f"{found:.1f} s"
        if found < _LARGE
        else f"{found:.0f} s"
    )


def value(found: float | None, statistic: str) -> str:
    """A metric in its unit: success is a share, percentiles are latencies, others have none that is known."""
    if statistic == "success":
        return percent(found)
    if statistic.startswith("p"):
        return seconds(found)
    return NONE if found is None else f"{found:.4g}"


def words(name: str) -> str:
    """`not_supported` is not supported."""
    return name.replace("_", " ")


def plain(text: object) -> str:
    """Text that Markdown takes as it is, also in a table."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def _when(zone: ZoneInfo, wall: float | None) -> str:
    return NONE if wall is None else datetime.fromtimestamp(wall, zone).strftime("%d %b %Y, %H:%M:%S")


def _day(zone: ZoneInfo, wall: float) -> str:
    return datetime.fromtimestamp(wall, zone).strftime("%d %b, %H:%M")
