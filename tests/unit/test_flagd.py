"""One flag's default variant in the text of a flagd file: it alone is changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.flagd import default_of, flags_of, with_default

TEXT = """{
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "flags": {
    "productFailure": {
      "description": "Fail, \\"now\\" {and then}, [really]",
      "state":   "ENABLED", "variants": {"on": true, "off": false},
      "defaultVariant":"off"
    },
    "cartFailure" : { "state": "ENABLED", "variants": { "50%": 0.5, "off": 0 },
\t\t"defaultVariant"  :  "off"  }
  }
}
"""
names = st.text(max_size=6)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
flags = st.fixed_dictionaries(
    {"defaultVariant": names, "variants": st.just({"a": 1})}, optional={"x": values}
)


def test_only_the_variants_text_is_changed() -> None:
    assert with_default(TEXT, "cartFailure", "50%") == TEXT.replace('"off"  }', '"50%"  }')
    assert with_default(TEXT, "productFailure", "on") == TEXT.replace(
        '"defaultVariant":"off"', '"defaultVariant":"on"'
    )
    assert with_default(with_default(TEXT, "cartFailure", "50%"), "cartFailure", "off") == TEXT


@given(
    st.dictionaries(names, flags, min_size=1, max_size=4),
    st.dictionaries(names, values, max_size=2),
    st.sampled_from((None, 1, "\t")),
    st.booleans(),
    st.data(),
)
def test_any_file_is_as_before_but_for_that(
    found: dict[str, Any], beside: dict[str, Any], indent: Any, ascii_only: bool, data: st.DataObject
) -> None:
    document = {**beside, "flags": found}
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    flag, variant = data.draw(st.sampled_from(sorted(found))), data.draw(names)
    changed = with_default(text, flag, variant)
    found[flag]["defaultVariant"] = variant
    assert json.loads(changed) == document
    assert changed.isascii() or not text.isascii() or not variant.isascii()
    assert default_of(changed, flag) == variant
    start = next((i for i, (a, b) in enumerate(zip(text, changed, strict=False)) if a != b), len(text))
    assert text[:start] == changed[:start]


def test_of_a_key_that_stands_twice_the_one_that_counts_is_changed() -> None:
    text = '{"flags": {"a": {"defaultVariant": "x", "defaultVariant": "off"}}}'
    assert (
        with_default(text, "a", "on") == '{"flags": {"a": {"defaultVariant": "x", "defaultVariant": "on"}}}'
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"flags": []}', '{"flags": {"a": 1}}', "{", "flags: {}"])
def test_what_is_no_flagd_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        flags_of(text)


def test_a_flag_or_a_default_that_is_not_there_is_none() -> None:
    assert default_of(TEXT, "other") is None
    assert default_of('{"flags": {"a": {"defaultVariant": 1}}}', "a") is None
    with pytest.raises(KeyError):
        with_default(TEXT, "other", "on")
