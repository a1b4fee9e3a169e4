"""`chaos-engine catalogue`: with the extensions that are installed, broken ones too, and without any."""

from __future__ import annotations

import ast
import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import ROOT, Place
from tests.integration.toolkit_command import call

AWS = Path(sysconfig.get_path("purelib")) / "chaosaws"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def catalogued(place: Place, *words: str) -> dict[str, Any]:
    done = place.call("catalogue", "--json", *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def exported(file: Path) -> set[str]:
    """The functions among the names in its `__all__`, read from its text."""
    tree = ast.parse(file.read_text())
    assigned = [node for node in tree.body if isinstance(node, ast.Assign | ast.AugAssign)]
    lists = [
        node.value
        for node in assigned
        for name in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(name, ast.Name) and name.id == "__all__"
    ]
    named = {element.value for each in lists if isinstance(each, ast.List | ast.Tuple)
             for element in each.elts if isinstance(element, ast.Constant)}  # fmt: skip
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {str(name) for name in named if name in functions}


def test_every_exported_function_of_the_aws_extension_is_there(place: Place) -> None:
    entries = catalogued(place)["entries"]
    found = {f"{one['module']}.{one['name']}" for one in entries if one["package"] == "chaostoolkit-aws"}
    files = [*AWS.rglob("actions.py"), *AWS.rglob("probes.py")]
    assert len(files) > 20
    expected = set()
    for file in files:
        module = ".".join(("chaosaws", *file.relative_to(AWS).with_suffix("").parts))
        expected |= {f"{module}.{name}" for name in exported(file)}
    assert len(expected) > 100
    assert expected <= found


def test_an_activity_has_its_arguments_and_where_it_is_from(place: Place) -> None:
    (one,) = catalogued(place, "put_function_concurrency")["entries"]
    assert (one["kind"], one["module"]) == ("action", "chaosaws.awslambda.actions")
    assert one["version"]
    arguments = {each["name"]: each for each in one["arguments"]}
    assert arguments["function_name"]["required"]
    assert arguments["concurrent_executions"]["type"] == "int"
    assert "configuration" not in arguments
    assert "concurrency" in one["documentation"]


def test_the_tables_and_the_page(place: Place) -> None:
    table = place.call("catalogue", "lambda", "concurrency")
    assert [line.split()[0] for line in table.stdout.splitlines() if line.startswith("  ")] == [
        "lambda_concurrency", "delete_function_concurrency", "put_function_concurrency",
        "get_function_concurrency",
    ]  # fmt: skip
    page = place.call("catalogue", "slowdown")
    assert page.stdout.startswith("slowdown: scenario\n")
    assert "default 10-30s" in page.stdout
    assert "\x1b" not in page.stdout
    assert page.stderr == ""


def test_no_match_offers_the_nearest_word(place: Place) -> None:
    done = place.call("catalogue", "slowdwn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'slowdown'?" in done.stderr
    told = place.call("catalogue", "slowdwn", "--json")
    assert (told.returncode, json.loads(told.stdout)["entries"]) == (2, [])


def test_plugins_are_those_of_the_settings_also_where_these_are_wrong(place: Place) -> None:
    place.configure(
        f"plugins: {ROOT}/examples/my_scenarios\nscenarios: {{maintenance: {{flg: 1}}}}\n", "c.yml"
    )
    assert place.call("validate", "c.yml").returncode == 2
    (one,) = catalogued(place, "maintenance", "--config", "c.yml")["entries"]
    assert [argument["name"] for argument in one["arguments"]] == ["flag"]
    place.configure("plugins: nowhere\n", "d.yml")
    refused = place.call("catalogue", "--config", "d.yml")
    assert refused.returncode == 2
    assert "nowhere" in refused.stderr


# --- extensions ---------------------------------------------------------------------------------


def install(folder: Path, name: str, files: dict[str, str], *, listed: bool = True, **more: str) -> None:
    """A distribution in that folder, as an installer leaves it."""
    info = folder / f"{name.replace('-', '_')}-1.5.dist-info"
    info.mkdir(parents=True)
    requires = "Requires-Dist: chaostoolkit_lib>=1.20\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n{requires}")
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files) if listed else "")
    for file, text in more.items():
        (info / file.replace("_json", ".json")).write_text(text)


GOOD = """
import typing
__all__ = ["close", "Late", "nothing_there"]
print("noise of an import")
class Late: pass
def close(
    shop: str, seconds: typing.Optional[float] = 1.5, *names: str, when=Late, configuration=None, **more
):
    "Close a shop."
def helper(): pass
"""


@pytest.fixture
def extended(place: Place) -> Place:
    folder = place.folder / "installed"
    place.environment["PYTHONPATH"] = f"{ROOT}:{folder}"
    return place


def test_an_extension_without_discover_is_walked(extended: Place) -> None:
    folder = extended.folder / "installed"
    install(folder, "chaos-shop", {"chaosshop/__init__.py": "", "chaosshop/till/actions.py": GOOD})
    found = catalogued(extended, "chaosshop")
    (one,) = found["entries"]
    assert (one["name"], one["kind"], one["package"], one["version"]) == (
        "close",
        "action",
        "chaos-shop",
        "1.5",
    )
    assert [each["name"] for each in one["arguments"]] == ["shop", "seconds", "*names", "when", "**more"]
    shop, seconds, names, when, _ = one["arguments"]
    assert (shop["required"], seconds["required"], names["required"]) == (True, False, False)
    assert (seconds["type"], seconds["default"]) == ("Optional[float]", 1.5)
    assert "Late" in when["default"]
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("__all__ = ['x']\nimport nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("__all__ = ['x']\nraise SystemExit('bye')", "SystemExit: bye"),
        ("def x(:\n", "SyntaxError"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_spoils_nothing(
    extended: Place, broken: str, words: str
) -> None:
    files = {"chaosshop/__init__.py": "", "chaosshop/actions.py": GOOD, "chaosshop/probes.py": broken}
    install(extended.folder / "installed", "chaos-shop", files)
    found = catalogued(extended)
    assert "close" in {one["name"] for one in found["entries"]}
    assert "put_function_concurrency" in {one["name"] for one in found["entries"]}
    (problem,) = found["problems"]
    assert problem.startswith("chaos-shop 1.5: chaosshop.probes: ")
    assert words in problem


def test_a_discover_that_fails_or_tells_of_unseen_functions(extended: Place) -> None:
    told = {
        "type": "probe",
        "name": "made_up",
        "mod": "chaosshop",
        "doc": "Made.",
        "arguments": [{"name": "a"}],
    }
    discover = f"def discover(discover_system=True): return {{'activities': [{told!r}]}}"
    install(extended.folder / "installed", "chaos-shop", {"chaosshop/__init__.py": discover})
    failing = "def discover(discover_system=True): raise RuntimeError('no cluster')"
    install(extended.folder / "installed", "chaos-till", {"chaostill/__init__.py": failing})
    found = catalogued(extended)
    (made,) = (one for one in found["entries"] if one["name"] == "made_up")
    assert [each["name"] for each in made["arguments"] if each["required"]] == ["a"]
    assert found["problems"] == ["chaos-till 1.5: discover of chaostill: RuntimeError: no cluster"]


def test_an_extension_that_is_a_link_to_its_sources(extended: Place) -> None:
    source = extended.folder / "checkout"
    (source / "src" / "chaosshop").mkdir(parents=True)
    (source / "src" / "chaosshop" / "__init__.py").write_text("")
    (source / "src" / "chaosshop" / "actions.py").write_text(GOOD)
    install(
        extended.folder / "installed", "chaos-shop", {}, listed=False,
        direct_url_json=json.dumps({"url": source.as_uri(), "dir_info": {"editable": True}}),
    )  # fmt: skip
    extended.environment["PYTHONPATH"] += f":{source / 'src'}"
    assert [one["name"] for one in catalogued(extended, "chaosshop")["entries"]] == ["close"]


def test_what_an_extension_prints_starts_or_waits_for_spoils_nothing(extended: Place) -> None:
    noisy = f"""
import os, threading, time
os.system("echo noise")
threading.Thread(target=time.sleep, args=(300,)).start()
{GOOD}"""
    endless = "__all__ = ['x']\nimport time\ntime.sleep(300)"
    files = {"chaosshop/__init__.py": "", "chaosshop/actions.py": noisy, "chaosshop/probes.py": endless}
    install(extended.folder / "installed", "chaos-shop", files)
    found = catalogued(extended)
    assert {"close", "put_function_concurrency"} <= {one["name"] for one in found["entries"]}
    (problem,) = found["problems"]
    assert problem.startswith("chaos-shop 1.5: chaosshop.probes: TimeoutError: took longer than")


def test_a_module_that_exports_nothing_is_not_imported(extended: Place) -> None:
    files = {
        "chaosshop/__init__.py": "",
        "chaosshop/actions.py": GOOD,
        "chaosshop/probes.py": "raise KeyError",
    }
    install(extended.folder / "installed", "chaos-shop", files)
    assert catalogued(extended)["problems"] == []


# --- without the Chaos Toolkit --------------------------------------------------------------------


def test_without_chaoslib_ours_is_shown_and_what_to_install(place: Place) -> None:
    made = call(place.folder, sys.executable, "-m", "venv", "--without-pip", place.folder / "bare")
    assert made.returncode == 0
    place.environment["CHAOS_TOOLKIT_PYTHON"] = str(place.folder / "bare" / "bin" / "python")
    done = place.call("catalogue")
    assert done.returncode == 0
    assert "slowdown" in done.stdout
    assert "put_function_concurrency" not in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "chaos-engine[toolkit]" in done.stderr
    assert "CHAOS_TOOLKIT_PYTHON" in done.stderr


def test_a_python_that_is_not_there_is_named(place: Place) -> None:
    place.environment["CHAOS_TOOLKIT_PYTHON"] = "/nowhere/python"
    done = place.call("catalogue", "slowdown")
    assert done.returncode == 0
    assert done.stdout.startswith("slowdown: scenario")
    assert "'/nowhere/python' is no program" in done.stderr


def test_its_extensions_are_those_of_the_python_that_is_named(place: Place) -> None:
    """Which need not have chaos-engine itself."""
    made = call(place.folder, sys.executable, "-m", "venv", "--without-pip", place.folder / "other")
    assert made.returncode == 0
    (packages,) = (place.folder / "other").glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "chaos_engine" not in entry.name and not entry.name.startswith(("chaosaws", "chaostoolkit_aws")):
            (packages / entry.name).symlink_to(entry)
    install(packages, "chaos-shop", {"chaosshop/__init__.py": "", "chaosshop/actions.py": GOOD})
    assert catalogued(place, "put_function_concurrency")["entries"]
    place.environment["CHAOS_TOOLKIT_PYTHON"] = str(place.folder / "other" / "bin" / "python")
    place.environment["PYTHONPATH"] = str(ROOT)
    packages_found = {one["package"] for one in catalogued(place)["entries"] if one["version"]}
    assert packages_found == {"chaos-shop"}
