"""What the common schemas of JUnit's XML (Jenkins' junit-10.xsd, as pytest writes it) ask of a file."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

REQUIRED = {
    "testsuites": set(),
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "classname"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": set(),
    "error": set(),
    "skipped": set(),
    "system-out": set(),
    "system-err": set(),
}  # fmt: skip
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id",
                  "package", "group", "file", "url", "log", "version"},
    "testcase": {"name", "classname", "time", "group"},
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}  # fmt: skip
WITHIN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase", "system-out", "system-err"],
    "testcase": ["properties", "skipped", "error", "failure", "system-out", "system-err"],
    "properties": ["property"],
}


def suite_of(file: Path) -> ET.Element:
    """The one suite of a file that keeps to the rules; AssertionError names the rule that it breaks."""
    root = ET.fromstring(file.read_bytes())
    assert root.tag == "testsuites"
    for element in root.iter():
        _check(element)
    (suite,) = root
    for one in (root, suite):
        _check_counts(one)
    return suite


def _check(element: ET.Element) -> None:
    given, tags = set(element.attrib), [child.tag for child in element]
    assert element.tag in REQUIRED, f"unknown element {element.tag}"
    assert given >= REQUIRED[element.tag], f"{element.tag} lacks {REQUIRED[element.tag] - given}"
    assert given <= ALLOWED.get(element.tag, set()), f"{element.tag} has {given}"
    order = WITHIN.get(element.tag, [])
    assert set(tags) <= set(order), f"{element.tag} holds {tags}"
    assert tags == sorted(tags, key=order.index), f"{element.tag} holds them in another order: {tags}"
    assert sum(tag in ("failure", "error", "skipped") for tag in tags) <= 1, "one result a test"
    if order:
        assert not (element.text or "").strip(), f"{element.tag} holds text"
    if "time" in given:
        assert re.fullmatch(r"\d+(\.\d+)?", element.attrib["time"]), "a decimal number of seconds"
    if "timestamp" in given:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.attrib["timestamp"]), "without a zone"


def _check_counts(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    told = {name: int(element.attrib[name]) for name in ("tests", "failures", "errors")}
    failures, errors = (sum(c.find(tag) is not None for c in cases) for tag in ("failure", "error"))
    assert told == {"tests": len(cases), "failures": failures, "errors": errors}


def outcomes(suite: ET.Element) -> list[tuple[str, str, str]]:
    """Name, `pass`, `failure` or `error`, and the type of each test."""
    return [(case.attrib["name"], *_outcome(case)) for case in suite.iter("testcase")]


def _outcome(case: ET.Element) -> tuple[str, str]:
    for tag in ("failure", "error", "skipped"):
        found = case.find(tag)
        if found is not None:
            return tag, found.attrib["type"]
    return "pass", ""
