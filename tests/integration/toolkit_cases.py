"""Experiments: what may become of one, by what it is made of."""

from __future__ import annotations

from typing import Any

from tests.integration.toolkit_side_by_side import Case, Document

NAMED = "steady-state-hypothesis"


def python(kind: str, name: str, func: str, module: str = "acts", **arguments: Any) -> Document:
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": kind, "name": name, "provider": provider}


def noting(name: str, make: str = "") -> Document:
    return python("action", name, "note", what=name, make=make)


def process(name: str, script: str, **more: Any) -> Document:
    provider = {"type": "process", "path": "sh", "arguments": ["-c", script]}
    return {"type": "action", "name": name, "provider": provider, **more}


def http(name: str, url: str, **more: Any) -> Document:
    return {"type": "action", "name": name, "provider": {"type": "http", "url": url}, **more}


def asking(*probes: Document) -> Document:
    """A hypothesis."""
    return {"title": "all is well", "probes": list(probes)}


STEADY = {**python("probe", "steady", "steady"), "tolerance": True}
BACK = [noting("first back"), noting("second back")]


def experiment(*method: Document, **more: Any) -> Document:
    """With a hypothesis and two rollbacks, unless told otherwise."""
    found = {
        "title": "one of many",
        "description": "for a comparison",
        "hypothesis": asking(STEADY),
        "method": list(method),
        "rollbacks": BACK,
        **more,
    }
    found[NAMED] = found.pop("hypothesis")
    return {key: value for key, value in found.items() if value is not None}


def guarded(where: str) -> Document:
    arguments = {"interrupt": where}
    return {"name": "guard", "provider": {"type": "python", "module": "guard", "arguments": arguments}}


# A hypothesis that is asked continuously is asked before the first of these, and after the last.
PAUSED = {**noting("waited"), "pauses": {"after": 0.2}}

# What may happen, whatever the strategies are.
OUTCOMES = [
    Case("all well", experiment(PAUSED, noting("in"), PAUSED)),
    Case("gate out of tolerance", experiment(PAUSED, noting("in")), files={"broken": ""}),
    Case("gate probe fails", experiment(PAUSED, noting("in")), files={"dead": ""}),
    Case("after out of tolerance", experiment(PAUSED, noting("in", make="broken"), PAUSED)),
    Case("after probe fails", experiment(PAUSED, noting("in", make="dead"), PAUSED)),
    Case(
        "an action fails",
        experiment(PAUSED, noting("in"), python("action", "bad", "fail", what="bad"), PAUSED),
    ),
    Case("a process exits 3", experiment(PAUSED, noting("in"), process("three", "echo no >&2; exit 3"))),
    Case(
        "an unexpected exception",
        experiment(PAUSED, noting("in"), http("nowhere", "nonsense"), noting("more")),
    ),
    Case(
        "a control interrupts", experiment(PAUSED, noting("in"), noting("here"), controls=[guarded("here")])
    ),
    Case(
        "a signal in a process",
        experiment(PAUSED, noting("in"), process("signal", "kill -TERM $PPID; sleep 9")),
    ),
    Case(
        "an activity exits",
        experiment(PAUSED, noting("in"), python("action", "x", "leaving", how="exit"), noting("no")),
    ),
]

# What else there is to an experiment, by the default strategies.
ROLLBACK_TROUBLE = [
    Case(
        "a rollback fails",
        experiment(noting("in"), rollbacks=[python("action", "bad back", "fail", what="bad back"), BACK[1]]),
    ),
    Case("a rollback exits 4", experiment(noting("in"), rollbacks=[process("four", "exit 4"), BACK[1]])),
    Case(
        "a rollback in the background",
        experiment(
            noting("in"),
            rollbacks=[{**noting("first back"), "background": True}, {**BACK[1], "pauses": {"before": 1}}],
        ),
    ),
    Case("a rollback is a ref", experiment(noting("in"), rollbacks=[{"ref": "in"}, BACK[1]])),
    Case("a control interrupts the rollbacks", experiment(noting("in"), controls=[guarded("first back")])),
]
UNEXPECTED = [
    Case(
        "at the gate",
        experiment(noting("in"), hypothesis=asking({**http("p", "nonsense"), "tolerance": 200})),
    ),
    Case(
        "a tolerance of another kind",
        experiment(
            noting("in"), hypothesis=asking({**python("probe", "p", "note", what="x"), "tolerance": [1, 2]})
        ),
    ),
    Case("in the rollbacks", experiment(noting("in"), rollbacks=[http("nowhere", "nonsense"), BACK[1]])),
    Case("in what JSON cannot hold", experiment(python("action", "several", "several"))),
]
ACTIVITIES = [
    Case("no hypothesis", experiment(noting("in"), hypothesis=None)),
    Case("a hypothesis without probes", experiment(noting("in"), hypothesis=asking())),
    Case("no method activities", experiment()),
    Case("nothing at all", experiment(rollbacks=[], hypothesis=None)),
    Case(
        "in the background",
        experiment(
            {**python("action", "bg", "awaited", path="go"), "background": True},
            {**process("go", "touch go"), "pauses": {"before": 0.1}},
            noting("in"),
        ),
    ),
    Case(
        "failing in the background",
        experiment({**python("action", "bg", "fail", what="bg"), "background": True}, PAUSED, noting("in")),
    ),
    Case("a ref", experiment(noting("in"), {"ref": "in"}, {"ref": "steady"})),
    Case("left gracefully", experiment(noting("in"), python("action", "x", "leaving", how="gracefully"))),
    Case(
        "a process in a shell",
        experiment(
            {
                "type": "action",
                "name": "shell",
                "provider": {"type": "process", "path": "echo", "arguments": "$HOME | wc"},
            }
        ),
    ),
    Case(
        "a process that takes too long",
        experiment(
            {
                **process("slow", "sleep 9"),
                "provider": {**process("slow", "sleep 9")["provider"], "timeout": 0.1},
            }
        ),
    ),
    Case("nobody listens", experiment(http("nobody", "http://127.0.0.1:9/"))),
    Case("continously", experiment(noting("in")), options={"hypothesis_strategy": "continously"}),
]


def asked(dry: str) -> Case:
    paused = {**noting("waited"), "pauses": {"before": 0.1, "after": 0.1}}
    method = (paused, python("probe", "look", "steady"), process("p", "echo done >> notes.txt"))
    return Case(f"dry {dry}", experiment(*method), options={"dry": dry})


DRY = [asked(dry) for dry in ("probes", "actions", "activities", "pause")]


def judged(tolerance: Any, **told: Any) -> Case:
    """By a tolerance of some kind, of a number, or of what a process or a function said."""
    probe = told.pop("probe", None) or python("probe", "number", "number", value=told.pop("value", 4))
    return Case(
        f"tolerance {tolerance}",
        experiment(noting("in"), hypothesis=asking({**probe, "tolerance": tolerance})),
    )


SAID = {**process("said", "echo 'id 42'"), "type": "probe"}
TOLD = python("probe", "told", "told", items=[{"name": "a"}, {"name": "b"}])
TOLERANCES = [
    judged(4),
    judged(5),
    judged([3, 5]),
    judged([5, 6]),
    judged([1, 4, 9]),
    judged("4", value="4"),
    judged("x", value="4"),
    judged(True, value=True),
    judged(False, value=True),
    judged(0, probe=SAID),
    judged([0, 1, 2], probe=SAID),
    judged({"type": "regex", "target": "stdout", "pattern": "id [0-9]+"}, probe=SAID),
    judged({"type": "regex", "target": "stdout", "pattern": "^no"}, probe=SAID),
    judged({"type": "jsonpath", "path": "$.items[*].name", "expect": ["a", "b"]}, probe=TOLD),
    judged({"type": "jsonpath", "path": "$.items[*].name", "count": 3}, probe=TOLD),
    judged({"type": "range", "range": [3.5, 4.5]}),
    judged({"type": "range", "range": [5, 6]}),
    judged({"type": "range", "range": [5, 6]}, value="none"),
    judged({**python("probe", "even", "is_even"), "tolerance": True}),
    judged({**python("probe", "even", "is_even"), "tolerance": True}, value=5),
]
