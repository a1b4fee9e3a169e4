"""What is given beside an experiment: strictly as the command `chaos` has it; and ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_toolkit_matrix import compare, rolled_back
from tests.integration.toolkit_cases import PAUSED, asking, experiment, guarded, http, noting, process, python
from tests.integration.toolkit_side_by_side import Case, Three, all_three

TOLD = python("probe", "look", "told", count="${count}", text="${count} of ${name}", secret="${token}")
TOLD["provider"]["secrets"] = ["group"]
DECLARED = {
    "configuration": {
        "count": 1,
        "name": {"type": "env", "key": "NAME", "default": "nobody"},
        "port": {"type": "env", "key": "PORT", "env_var_type": "int"},
    },
    "secrets": {"group": {"token": {"type": "env", "key": "TOKEN"}}},
}
GIVEN = {"PORT": "80", "TOKEN": "secret"}
FILES = {
    "vars.json": json.dumps({"configuration": {"count": 7}, "secrets": {"group": {"token": "other"}}}),
    "vars.yaml": "configuration: {name: {type: env, key: WHO, default: yaml}}",
    "vars.env": "# a comment\nNAME=from a file\n",
}
LOOKING = Case("as declared", experiment(TOLD, noting("${name}"), **DECLARED), {}, GIVEN, FILES)
VALUES = ("count=2", "count:int=3", "count:float=1.5", "count:bool=no", 'count:json={"a": 1}', "name=a=b")
VARIABLES = [
    LOOKING,
    replace(LOOKING, name="from the environment", environment={**GIVEN, "NAME": "somebody"}),
    replace(LOOKING, name="an environment that lacks it", environment={}),
    *(LOOKING.with_options(var, var=[var]) for var in VALUES),
    LOOKING.with_options("bytes", var=["count:bytes=abc"]),
    LOOKING.with_options("several", var=["count:int=3", "name=you"], var_file=["vars.json"]),
    *(LOOKING.with_options(file, var_file=[file]) for file in FILES),
    LOOKING.with_options("all files", var_file=list(FILES)),
]


def dynamic(name: str, provider: dict[str, Any]) -> Case:
    choose = {"type": "probe", "name": "choose", "provider": provider}
    return Case(name, experiment(noting("${id}"), configuration={"id": choose}))


DYNAMIC = [
    dynamic("a function", python("probe", "p", "chosen")["provider"]),
    dynamic("a process", process("p", "echo i-1")["provider"]),
    dynamic("a process that fails", process("p", "exit 1")["provider"]),
    dynamic("a function that fails", python("probe", "p", "fail", what="no")["provider"]),
]

SETTINGS = "runtime: {rollbacks: {strategy: always}, hypothesis: {strategy: after-method-only}}"
RUNTIME = {"runtime": {"rollbacks": {"strategy": "never"}, "hypothesis": {"strategy": "during-method-only"}}}
HALF = {"runtime": {"rollbacks": {"strategy": "never"}}}
STOPPED = (PAUSED, noting("in", make="broken"), noting("here"))


def by_runtime(name: str, said: dict[str, Any], **options: Any) -> Case:
    document = experiment(*STOPPED, controls=[guarded("here")], **said)
    return Case(name, document, options=options, files={"settings.yaml": SETTINGS})


RUNTIMES = [
    by_runtime("the experiment's", RUNTIME),
    by_runtime("the settings'", {}, settings="settings.yaml"),
    by_runtime("the experiment hides the settings", RUNTIME, settings="settings.yaml"),
    by_runtime("half of it hides all of the settings", HALF, settings="settings.yaml"),
    by_runtime("the command line wins", RUNTIME, settings="settings.yaml", rollback_strategy="deviated"),
    by_runtime("also of the hypothesis", RUNTIME, hypothesis_strategy="before-method-only"),
]

GLOBAL = "controls: {guard: {provider: {type: python, module: guard}}}"
PLUGIN = "notifications: [{type: plugin, module: guard}]"
CONTROLLED = {"in.json": json.dumps({"guard": {"provider": {"type": "python", "module": "guard"}}})}
ABSENT = {"name": "absent", "provider": {"type": "python", "module": "no_such_module"}}
CONTROLS = [
    Case("in the settings", experiment(noting("in")), {"settings": "s.yaml"}, files={"s.yaml": GLOBAL}),
    Case("in a file", experiment(noting("in")), {"control_file": ["in.json"]}, files=CONTROLLED),
    Case("of one activity", experiment({**noting("in"), "controls": [guarded("")]}, noting("more"))),
    Case("before everything", experiment(noting("in"), controls=[guarded("experiment")])),
    Case("of nobody", experiment(noting("in"), controls=[ABSENT])),
    Case("at the gate", experiment(noting("in"), controls=[guarded("steady")])),
    Case("told", experiment(noting("in"), make="x"), {"settings": "s.yaml"}, files={"s.yaml": PLUGIN}),
    Case(
        "deviated, told",
        experiment(noting("in", make="broken")),
        {"settings": "s.yaml"},
        files={"s.yaml": PLUGIN},
    ),
]


@pytest.mark.parametrize("cases", [VARIABLES, DYNAMIC, RUNTIMES], ids=["variables", "dynamic", "runtime"])
def test_what_is_given(tmp_path: Path, cases: list[Case]) -> None:
    for three in all_three(tmp_path, cases):
        compare(three)


def test_controls(tmp_path: Path) -> None:
    for three in all_three(tmp_path, CONTROLS):
        compare(three)
        rolled_back(three)


def test_what_the_runtime_says_is_what_is_recorded(tmp_path: Path) -> None:
    found = [three.ours.told("ended")[0]["strategies"] for three in all_three(tmp_path, RUNTIMES)]
    assert [(each["hypothesis"], each["rollbacks"]) for each in found] == [
        ("during-method-only", "never"),
        ("after-method-only", "always"),
        ("during-method-only", "never"),
        ("default", "never"),
        ("during-method-only", "deviated"),
        ("before-method-only", "never"),
    ]


# -- where ours is another


def only(tmp_path: Path, case: Case) -> Three:
    three = all_three(tmp_path, [case])[0]
    compare(three)
    return three


def test_a_signal_in_a_python_activity(tmp_path: Path) -> None:
    """There it is a failed action, and the experiment goes on."""
    signalled = python("action", "signal", "terminated", seconds=20)
    three = only(tmp_path, Case("a signal", experiment(noting("in"), signalled, noting("more")), same=False))
    assert three.theirs.journal["status"] == "completed"
    assert three.theirs.notes == ["in", "terminated", "more", "first back", "second back"]
    assert three.ours.verdict == ("interrupted", False, 1)
    assert three.ours.notes == ["in", "terminated", "first back", "second back"]


def test_left_ungracefully(tmp_path: Path) -> None:
    """There nothing is rolled back; here the method has begun."""
    leaving = python("action", "leave", "leaving", how="ungracefully")
    three = only(tmp_path, Case("ungracefully", experiment(noting("in"), leaving)))
    assert three.theirs.notes == ["in", "ungracefully"]
    assert three.ours.notes == ["in", "ungracefully", "first back", "second back"]
    assert [line["name"] for line in three.ours.told("activity-ended") if line["section"] == "rollbacks"] == [
        "first back", "second back",
    ]  # fmt: skip


def test_what_it_does_not_expect_is_rolled_back(tmp_path: Path) -> None:
    """There it ends with a traceback, and without a journal."""
    crashing = {**http("probe", "nonsense"), "type": "probe", "tolerance": 200}
    hypothesis = {"hypothesis": asking(crashing)}
    case = Case("after", experiment(noting("in"), **hypothesis), {"hypothesis_strategy": "after-method-only"})
    three = only(tmp_path, case)
    assert three.theirs.notes == ["in"]
    assert three.theirs.journalled is None
    assert three.ours.notes == ["in", "first back", "second back"]
    assert three.ours.verdict == ("aborted", False, 1)
    assert "nonsense" in three.ours.told("interrupted")[0]["why"]


def test_the_others_are_rolled_back_where_one_raises_what_it_should_not(tmp_path: Path) -> None:
    case = Case(
        "nowhere", experiment(noting("in"), rollbacks=[http("nowhere", "nonsense"), noting("second back")])
    )
    three = only(tmp_path, case)
    assert three.theirs.notes == ["in"]
    assert three.ours.notes == ["in", "second back"]
    assert three.ours.told("rollbacks-ended")[0]["failed"] == ["nowhere"]


def test_a_control_keeps_no_rollback_from_being_played(tmp_path: Path) -> None:
    """There the rollbacks end with it."""
    three = only(tmp_path, Case("guarded", experiment(noting("in"), controls=[guarded("first back")])))
    assert three.theirs.notes == ["in"]
    assert three.ours.notes == ["in", "first back", "second back"]
    assert three.ours.told("rollbacks-ended")[0]["failed"] == []


def test_rollbacks_that_are_only_ours_change_nothing_of_the_verdict(tmp_path: Path) -> None:
    """They are interrupted, too; there they are not played."""
    document = experiment(noting("in", make="dead"), controls=[guarded("first back")])
    three = only(tmp_path, Case("failed", document))
    assert three.theirs.notes == ["in"]
    assert three.ours.verdict == ("failed", True, 1)
    assert three.ours.notes == ["in", "first back", "second back"]
    assert three.ours.journal["status"] == "failed"


# -- fail-fast

PATIENT = 2.0  # seconds


def failing_fast(pause: str, strategy: str) -> Case:
    broken, later = noting("in", make="broken"), noting("later")
    paused = broken if pause == "after" else later
    paused["pauses"] = {pause: PATIENT}
    # It is asked in the first pause, and then in the long one: not just when `in` ends.
    options = {"hypothesis_strategy": strategy, "hypothesis_frequency": 0.6, "fail_fast": True}
    return Case(f"{pause} {strategy}", experiment(PAUSED, broken, later), options)


@pytest.mark.parametrize("pause", ["before", "after"])
def test_fail_fast_cuts_a_pause_short(tmp_path: Path, pause: str) -> None:
    cases = [failing_fast(pause, strategy) for strategy in ("during-method-only", "continuously")]
    for three in all_three(tmp_path, cases):
        compare(three)
        rolled_back(three)
        began, ended = three.ours.told("method-started")[0]["at"], three.ours.told("method-ended")[0]["at"]
        assert three.theirs.journal["duration"] > PATIENT
        assert ended - began < PATIENT
        assert "later" not in three.ours.notes
        assert ("later" in three.theirs.notes) == (pause == "before")


def test_without_fail_fast_the_method_goes_on(tmp_path: Path) -> None:
    case = failing_fast("after", "continuously")
    case = replace(case, options={**case.options, "fail_fast": False})
    three = only(tmp_path, case)
    assert "later" in three.ours.notes


# -- HTTP


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"a": 1}')

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_http(tmp_path: Path, url: str) -> None:
    probe = {**http("probe", f"{url}/200"), "type": "probe", "tolerance": 200}
    cases = [
        Case("answered 500", experiment(http("action", f"{url}/500"))),
        Case("well", experiment(http("action", f"{url}/200"), hypothesis=asking(probe))),
        Case(
            "one of several",
            experiment(noting("in"), hypothesis=asking({**probe, "tolerance": [200, 204, 301]})),
        ),
    ]
    ran = all_three(tmp_path, cases)
    for three in ran:
        compare(three)
    assert [line["code"] for line in ran[0].ours.told("activity-ended") if line["section"] == "method"] == [
        500
    ]
