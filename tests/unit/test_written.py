"""Files as they are read: YAML and JSON, the line of each value, and files that are none of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError, parse, read


def refused(name: str, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(name, text)
    (problem, *_) = caught.value.problems
    assert "\n" not in problem
    return problem


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("a: 1\nb: [1, 2\n", "f.yml:3: not YAML", "expected"),
        ("a:\n\tb: 1\n", "f.yml:2: not YAML", "cannot start any token"),
        ("a: 1\n---\nb: 2\n", "f.yml:2: not YAML", "expected a single document"),
        ("a: !!python/object:os.system {}\n", "f.yml:1: not YAML", "constructor"),
        ("a: \0\n", "f.yml: not YAML", "special characters"),
        ("a: &a [*a]\n", "f.yml: is nested too deeply", "holds itself"),
        ("[" * 3000, "f.yml: is nested too deeply", ""),
        ("- a\n- b\n", "f.yml:1: is a list", "allowed: a mapping"),
        ("just a text\n", "f.yml:1: is a text", "allowed: a mapping"),
        ("42\n", "f.yml:1: is a number", "allowed: a mapping"),
        ("a: 2024-13-45\n", "f.yml: not YAML", "month"),
    ],
)
def test_what_is_no_mapping_of_settings(text: str, start: str, words: str) -> None:
    problem = refused("f.yml", text)
    assert problem.startswith(start)
    assert words in problem


def test_aliases_of_aliases_are_not_unfolded_for_ever() -> None:
    text = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    assert "more than" in refused("f.yml", text)


def test_a_key_that_stands_twice_is_named_with_its_line() -> None:
    problem = refused("f.yml", "schedule:\n  every: 1s\n  seed: 1\n  every: 2s\n")
    assert problem == "f.yml:4: schedule.every: stands twice; allowed: each key once"


def test_the_line_of_every_value() -> None:
    written = parse("f.yml", "a:\n  b:\n    - x\n    - y: 1\n")
    assert written.where(("a", "b", 1, "y")) == "f.yml:4: a.b.1.y"
    assert written.where(("a", "b", 1, "z")) == "f.yml:4: a.b.1.z"  # the nearest that there is
    assert written.where(("q",)) == "f.yml: q"


def test_an_empty_file_has_no_settings() -> None:
    assert parse("f.yml", "").data == {}
    assert parse("f.yml", "# nothing\n").data == {}


JSON = {
    "schedule": {"every": "5s"},
    "path": "http://x/\\y",
    "text": "tab\t \U0001f600 é",
    "n": [1.5, None, True],
}


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_means_the_same(indent: str | int | None) -> None:
    text = json.dumps(JSON, indent=indent).replace("http://", "http:\\/\\/")
    assert parse("f.json", text).data == JSON
    assert parse("f.json", json.dumps(JSON, indent=indent, ensure_ascii=False)).data == JSON


def test_json_that_is_none_is_named_with_its_line() -> None:
    assert refused("f.json", '{"a": 1,\n "b": }').startswith("f.json:2: not JSON")
    assert "stands twice" in refused("f.json", '{"a": 1,\n "a": 2}')


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yml"
    binary.write_bytes(bytes(range(256)))
    for path, words in (
        (tmp_path / "missing.yml", "there is no such file"),
        (binary, "cannot be read"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(ConfigError) as caught:
            read(path)
        (problem,) = caught.value.problems
        assert problem.startswith(str(path))
        assert words in problem


def test_the_nearest_known_word() -> None:
    assert nearest("evry", {"every", "seed"}) == "; did you mean 'every'?"
    assert nearest("zzz", {"every", "seed"}) == ""
