"""What may stand in a file of `rehearsal --seed`."""

from __future__ import annotations

import pytest

from chaos_engine.rehearsal.seed import Call, SeedError, read, sow


def test_calls_are_read_in_their_order() -> None:
    assert read("- ec2.run_instances: {MinCount: 1}\n- ssm.create_document: {Name: A}\n") == [
        Call("ec2", "run_instances", {"MinCount": 1}),
        Call("ssm", "create_document", {"Name": "A"}),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "is no list"),
        ("- a: [", "is not YAML"),
        ("- run_instances: {}", r"\[0\]: 'run_instances' is no operation"),
        ("- ec2.run_instances: 3", r"\[0\]: .* is no call"),
        ("- ec2.run_instances: {}\n- {a.b: {}, c.d: {}}", r"\[1\]: .* is no call"),
        ("- ec2._make_api_call: {}", "is no operation"),
    ],
)
def test_what_is_no_call_is_refused_by_its_place(text: str, said: str) -> None:
    with pytest.raises(SeedError, match=said):
        read(text)


def test_an_operation_that_does_not_exist_is_named() -> None:
    with pytest.raises(SeedError, match=r"ec2\.run_instance: there is no such operation"):
        sow([Call("ec2", "run_instance", {})], lambda service: object())
