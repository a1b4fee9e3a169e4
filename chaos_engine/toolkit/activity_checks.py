"""chaoslib's checks of one activity, until it finds no more; and where in it the trouble is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chaoslib.activity import ensure_activity_is_valid

from chaos_engine.toolkit.findings import Findings
from chaos_engine.toolkit.packages import missing_module

# What chaoslib says, and what it is about.
WHERE = (
    ("reference to activity", "ref"),
    ("must have a type", "type"),
    ("a provider must have a type", "provider.type"),
    ("not a supported activity type", "type"),
    ("must have a name", "name"),
    ("requires a provider", "provider"),
    ("unknown provider type", "provider.type"),
    ("activity timeout", "timeout"),
    ("before pause", "pauses.before"),
    ("after pause", "pauses.after"),
    ("background", "background"),
    ("module path", "provider.module"),
    ("function name", "provider.func"),
    ("could not find Python module", "provider.module"),
    ("does not expose a function", "provider.func"),
    ("required argument", "provider.arguments"),
    ("not part of the function signature", "provider.arguments"),
    ("passed as a keyword", "provider.arguments"),
    ("must have a path", "provider.path"),
    ("cannot be found", "provider.path"),
    ("no access permission", "provider.path"),
    ("must have a URL", "provider.url"),
    ("expect headers", "provider.headers"),
)
MENDED: Mapping[str, Any] = {"name": "it", "type": "action", "timeout": None, "background": False}


def check_activity(findings: Findings, path: str, activity: Any, source: str) -> None:
    """A mended copy is checked again, so that one problem does not hide the next."""
    if activity and not isinstance(activity, Mapping):
        findings.problem(path, "an activity is a mapping")
        return
    tried = activity
    for _ in range(len(MENDED) + 2):
        text = findings.said(path, ensure_activity_is_valid, tried)
        if not text:
            return
        part = part_of(text)
        findings.problem(f"{path}.{part}" if part else path, text + reason(text, tried, source))
        mended = mend(tried, part)
        if mended is None:
            return
        tried = mended


def part_of(text: str) -> str:
    """What of an activity it is about."""
    return next((part for said, part in reversed(WHERE) if said in text), "")


def mend(activity: Mapping[str, Any], part: str) -> dict[str, Any] | None:
    """A copy without this problem; None: there is nothing more to see."""
    if part in MENDED:
        return {**activity, part: MENDED[part]}
    if part.startswith("pauses."):
        kept = {key: value for key, value in activity["pauses"].items() if key != part[len("pauses.") :]}
        return {**activity, "pauses": kept}
    return None


def reason(text: str, activity: Mapping[str, Any], source: str) -> str:
    """Why a module is not found, and what would help."""
    if not re.search("could not find Python module", text):
        return ""
    more = missing_module(str(activity["provider"]["module"]), source)
    return f"; {more}" if more else ""
