"""What is wrong with an experiment of the Chaos Toolkit: all of it at once, each at its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.toolkit.check_mode import checked
from chaos_engine.toolkit.spec import spec_of

PROBE = {"name": "p", "type": "probe", "provider": {"type": "python", "module": "os", "func": "getcwd"}}
GOOD: dict[str, Any] = {
    "title": "it",
    "description": "it is fine",
    "steady-state-hypothesis": {"title": "well", "probes": [{**PROBE, "tolerance": True}]},
    "method": [PROBE, {"ref": "p"}, {**PROBE, "name": "a", "type": "action"}],
    "rollbacks": [{"ref": "a"}],
}


def check(document: Any, **options: Any) -> dict[str, Any]:
    return checked(spec_of({"source": "/experiments/e.json", "experiment": document, **options}))


def problems(document: Any, **options: Any) -> dict[str, str]:
    return {problem["path"]: problem["text"] for problem in check(document, **options)["problems"]}


def acting(**changes: Any) -> dict[str, Any]:
    """An experiment whose one activity is changed."""
    return {**GOOD, "method": [{**PROBE, **changes}], "rollbacks": []}


def process(arguments: Any) -> dict[str, Any]:
    return acting(provider={"type": "process", "path": "echo", "arguments": arguments})


def test_what_it_holds() -> None:
    assert check(GOOD) == {
        "problems": [],
        "warnings": [],
        "title": "it",
        "actions": 1,
        "probes": 2,
        "rollbacks": 1,
        "hypothesis": True,
        "strategies": {"hypothesis": "default", "rollbacks": "default"},
    }


def test_all_of_it_at_once() -> None:
    bad = {
        "tags": ["", "x"],
        "extensions": [{"name": "x"}, {}],
        "configuration": {"a": {"type": "env", "key": "ABSENT"}, "b": 1},
        "secrets": {"g": {"s": {"type": "env", "key": "ABSENT"}}},
        "steady-state-hypothesis": {"probes": [PROBE, {**PROBE, "tolerance": 0.5}]},
        "controls": [{"name": "c"}],
        "method": [
            {"ref": "nobody"},
            {
                "type": "deed",
                "provider": {"type": "python", "module": "os", "func": "f"},
                "timeout": "1",
            },
            {
                **PROBE,
                "provider": {"type": "python", "module": "os", "func": "listdir", "arguments": {"no": 1}},
            },
            {**PROBE, "provider": {"type": "process", "path": "no-such-program"}},
            {**PROBE, "provider": {"type": "http"}},
            {**PROBE, "pauses": {"before": "soon", "after": "later"}, "background": "yes"},
            "text",
        ],
        "rollbacks": [{"ref": "nobody"}, {}],
        "runtime": {"hypothesis": {"strategy": "sometimes"}, "rollbacks": {"strategy": "maybe"}},
    }
    found = problems(bad)
    assert found == {
        "title": "experiment requires a title",
        "description": "experiment requires a description",
        "tags": "experiment tags must be a non-empty string",
        "extensions[1]": "All extensions require a non-empty name",
        "configuration.a": "Configuration makes reference to an environment key that does not exist: ABSENT",
        "secrets.g": "Secrets make reference to an environment key that does not exist: ABSENT",
        "steady-state-hypothesis.title": "hypothesis requires a title",
        "steady-state-hypothesis.probes[0].tolerance": "hypothesis probe must have a tolerance entry",
        "steady-state-hypothesis.probes[1].tolerance": found["steady-state-hypothesis.probes[1].tolerance"],
        "controls[0]": "Control 'c' must have a `provider` property",
        "method[0].ref": "referenced activity 'nobody' could not be found in the experiment",
        "method[1].type": "'deed' is not a supported activity type",
        "method[1].name": "an activity must have a name",
        "method[1].timeout": "activity timeout must be a number",
        "method[1].provider.func": found["method[1].provider.func"],
        "method[2].provider.arguments": found["method[2].provider.arguments"],
        "method[3].provider.path": "path 'no-such-program' cannot be found, in activity 'p'",
        "method[4].provider.url": "a HTTP activity must have a URL",
        "method[5].pauses.before": found["method[5].pauses.before"],
        "method[5].pauses.after": found["method[5].pauses.after"],
        "method[5].background": "activity background must be a boolean",
        "method[6]": "an activity is a mapping",
        "rollbacks[0].ref": "referenced activity 'nobody' could not be found in the experiment",
        "rollbacks[1]": "empty activity is no activity",
        "runtime.hypothesis.strategy": found["runtime.hypothesis.strategy"],
        "runtime.rollbacks.strategy": found["runtime.rollbacks.strategy"],
    }
    assert "does not expose a function called 'f'" in found["method[1].provider.func"]
    assert "argument 'no' is not part of" in found["method[2].provider.arguments"]
    assert "must either be an integer" in found["steady-state-hypothesis.probes[1].tolerance"]
    assert "must be a number or a pattern" in found["method[5].pauses.after"]
    assert "'maybe' is none of default, always, never, deviated" in found["runtime.rollbacks.strategy"]


@pytest.mark.parametrize("part", ["method", "rollbacks", "controls", "extensions"])
def test_what_is_no_list(part: str) -> None:
    assert problems({**GOOD, part: {"a": 1}})[part] == "must be a list"


@pytest.mark.parametrize("part", ["configuration", "secrets", "steady-state-hypothesis"])
def test_what_is_no_mapping(part: str) -> None:
    assert "mapping" in problems({**GOOD, part: [1]})[part]


def test_no_method() -> None:
    without = {key: value for key, value in GOOD.items() if key not in ("method", "rollbacks")}
    assert "requires a method" in problems(without)["method"]


# -- documents


@pytest.mark.parametrize("document", [[GOOD], "text", 3])
def test_what_is_no_experiment(document: Any) -> None:
    assert problems(document)[""].startswith("an experiment is a mapping, and this is")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.json", None, "does not exist"),
        ("e.json", "{", "this is no JSON"),
        ("e.yaml", "a: [", "Failed parsing YAML"),
        ("e.toml", "", "only files with json, yaml or yml"),
        ("e.json", "[1]", "this is a list"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    found = checked(spec_of({"source": str(tmp_path / name)}))
    assert said in found["problems"][0]["text"]
    assert found["title"] == ""


def test_a_document_is_read_from_its_source(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps(GOOD))
    assert checked(spec_of({"source": str(tmp_path / "e.json")}))["title"] == "it"


# -- modules


def module(name: str) -> str:
    provider = {"type": "python", "module": name, "func": "f"}
    return problems(acting(provider=provider))["method[0].provider.module"]


def test_a_module_is_named_with_its_package() -> None:
    assert "could not find Python module 'chaosk8s.pod.actions'" in module("chaosk8s.pod.actions")
    assert "pip install chaostoolkit-kubernetes" in module("chaosk8s.pod.actions")
    assert "no_such_module is not installed in this environment" in module("no_such_module")


def test_a_module_that_is_there_and_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_installed.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    assert "No module named 'no_such_dependency'" in module("half_installed")


def test_a_module_beside_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "my_probes.py").touch()
    provider = {"type": "python", "module": "my_probes", "func": "f"}
    found = problems(acting(provider=provider), source=str(tmp_path / "e.json"))
    assert f"put {tmp_path} on PYTHONPATH" in found["method[0].provider.module"]


# -- variables


def test_what_nothing_resolves() -> None:
    assert problems(process(["${name}", "$${name}", "$name", "${not a name}"])) == {
        "method[0].provider.arguments[0]": "${name} is neither in the configuration nor in the secrets"
    }


def test_what_something_resolves(tmp_path: Path) -> None:
    declared = {"configuration": {"name": "x"}, "secrets": {"group": {"token": "y"}}}
    assert problems({**process(["${name} ${token}"]), **declared}) == {}
    assert list(problems({**process(["${group}"]), **declared})) == ["method[0].provider.arguments[0]"]


def test_a_variable_given_for_what_is_not_declared() -> None:
    found = check(process(["${name}"]), var=["name=x"])
    assert list(found["problems"]) != []
    assert found["warnings"][0]["path"] == "configuration.name"


def test_dynamic_configuration_resolves() -> None:
    declared = {"configuration": {"name": PROBE}}
    assert problems({**process(["${name}"]), **declared}) == {}


def test_strictly_it_is_a_warning() -> None:
    found = check(process(["${name}"]), strict=True)
    assert found["problems"] == []
    assert found["warnings"][0]["path"] == "method[0].provider.arguments[0]"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({**GOOD, "title": "${x}"}, "title"),
        (acting(pauses={"before": "${x}"}), "method[0].pauses.before"),
        (acting(provider={"type": "http", "url": "http://${x}/"}), "method[0].provider.url"),
        ({**GOOD, "rollbacks": process({"-a": "${x}"})["method"]}, "rollbacks[0].provider.arguments.-a"),
        (
            {**GOOD, "steady-state-hypothesis": {"title": "t", "probes": [{**PROBE, "tolerance": "${x}"}]}},
            "steady-state-hypothesis.probes[0].tolerance",
        ),
    ],
)
def test_wherever_it_is_used(document: Any, path: str) -> None:
    assert list(problems(document)) == [path]


def test_a_shell_has_variables_of_its_own() -> None:
    found = check(process("${HOME} $(date)"))
    assert found["problems"] == []
    assert [warning["path"] for warning in found["warnings"]] == ["method[0].provider.arguments"]


def test_what_only_a_shell_would_read() -> None:
    warned = check(process(["$(hostname)"]))["warnings"]
    assert [warning["path"] for warning in warned] == ["method[0].provider.arguments[0]"]
    assert "no shell" in warned[0]["text"]


# -- options


def test_options(tmp_path: Path) -> None:
    found = problems(
        GOOD, dry="wet", var=["a:int=x", "b", "c:int=1"], var_file=["none.json"], control_file=["none.yaml"]
    )
    assert sorted(found) == ["control_file[0]", "dry", "var[0]", "var[1]", "var_file[0]"]


def test_an_environment_file_is_for_one_experiment_alone(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("ONLY_IN_A_FILE=1")
    document = {**GOOD, "configuration": {"a": {"type": "env", "key": "ONLY_IN_A_FILE"}}}
    assert problems(document, var_file=[str(tmp_path / "a.env")]) == {}
    assert list(problems(document)) == ["configuration.a"]


def test_whose_strategy_counts() -> None:
    document = {**GOOD, "runtime": {"rollbacks": {"strategy": "never"}}}
    assert check(document, hypothesis_strategy="continuously")["strategies"] == {
        "hypothesis": "continuously",
        "rollbacks": "never",
    }


def test_what_chaoslib_warns_of() -> None:
    absent = {"name": "absent", "provider": {"type": "python", "module": "no_such_control"}}
    warned = check({**GOOD, "controls": [absent]})["warnings"]
    assert [warning["path"] for warning in warned] == ["controls[0]"]
    assert "no_such_control" in warned[0]["text"]
    assert any(
        "should now be a list" in warning["text"] for warning in check(process({"-a": "b"}))["warnings"]
    )
