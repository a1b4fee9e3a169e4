"""Pure: test results in the form that CI servers read (JUnit's XML)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree as ET

_FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # XML 1.0 has no word for them


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `kind`: how it went; `type` and `message`: why, where it is no pass; `text`: the evidence."""

    name: str
    classname: str
    kind: Literal["pass", "failure", "error"] = "pass"
    type: str = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0
    properties: Mapping[str, str] = field(default_factory=dict)


def document(name: str, cases: Sequence[Case], began: float) -> str:
    """One suite, as XML. `began`: wall time."""
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.kind == "failure" for case in cases)),
        "errors": str(sum(case.kind == "error" for case in cases)),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = ET.Element("testsuites", {"name": name, **counts})
    moment = datetime.fromtimestamp(began, UTC).strftime(
        "%Y-%m-%dT%H:%M:%S"
    )  # the form has no zone: it is UTC
    suite = ET.SubElement(root, "testsuite", {"name": name, **counts, "skipped": "0", "timestamp": moment})
    for case in cases:
        _add(suite, case)
    ET.indent(root)
    return f"{_HEAD}{ET.tostring(root, encoding='unicode')}\n"


_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def _add(suite: ET.Element, case: Case) -> None:
    found = {"name": _plain(case.name), "classname": _plain(case.classname), "time": f"{case.seconds:.3f}"}
    element = ET.SubElement(suite, "testcase", found)
    if case.properties:
        properties = ET.SubElement(element, "properties")
        for name, value in case.properties.items():
            ET.SubElement(properties, "property", {"name": name, "value": _plain(value)})
    if case.kind != "pass":
        why = {"type": case.type, "message": _plain(case.message)}
        ET.SubElement(element, case.kind, why).text = _plain(case.text)
    elif case.text:
        ET.SubElement(element, "system-out").text = _plain(case.text)


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
