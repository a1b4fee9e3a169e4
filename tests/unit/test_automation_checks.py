"""What is refused when a runbook is created, by name."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.rehearsal.automation_checks import checked
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.ssm_owned import RUNBOOKS
from tests.unit.automation_story import any_inputs, api, nap, runbook

DOZE = nap("doze", 1)
ALWAYS = {"Variable": "a", "StringEquals": "a"}


def fork(**inputs: Any) -> dict[str, Any]:
    return {"name": "fork", "action": "aws:branch", "inputs": inputs}


def choose(**condition: Any) -> dict[str, Any]:
    return fork(Choices=[{"NextStep": "doze", **condition}])


def prop(**inputs: Any) -> dict[str, Any]:
    given = {"Service": "ec2", "Api": "X", "PropertySelector": "$.a", "DesiredValues": ["b"], **inputs}
    return {"name": "claim", "action": "aws:assertAwsResourceProperty", "inputs": given}


def change(**inputs: Any) -> dict[str, Any]:
    given = {"InstanceIds": ["i-1"], "DesiredState": "stopped", **inputs}
    return {"name": "change", "action": "aws:changeInstanceState", "inputs": given}


SAID = [
    (runbook(), "mainSteps"),
    (runbook(DOZE, schemaVersion="2.2"), "schemaVersion"),
    (runbook(DOZE, files={}), "files: unknown key"),
    (runbook({**DOZE, "surprise": 1}), "mainSteps.0.surprise: unknown key"),
    (runbook({**DOZE, "name": "a-b"}), "mainSteps.0.name"),
    (runbook({**DOZE, "onFailure": "retry"}), "mainSteps.0.onFailure"),
    (runbook({**DOZE, "onCancel": "Continue"}), "mainSteps.0.onCancel"),
    (runbook({**DOZE, "timeoutSeconds": 0}), "mainSteps.0.timeoutSeconds"),
    (runbook({**DOZE, "maxAttempts": "many"}), "mainSteps.0.maxAttempts"),
    (runbook(DOZE, DOZE), "step name doze is used more than once"),
    (runbook({**DOZE, "action": "aws:runCommand"}), "step doze: action aws:runCommand is not rehearsed"),
    (runbook({**DOZE, "nextStep": "gone"}), "nextStep names the step gone"),
    (runbook({**DOZE, "onFailure": "step:gone"}), "onFailure names the step gone"),
    (runbook({**DOZE, "onCancel": "step:gone"}), "onCancel names the step gone"),
    (runbook(fork(Choices=[{**ALWAYS, "NextStep": "gone"}])), "Choices names the step gone"),
    (runbook(fork(Choices=[{**ALWAYS, "NextStep": "doze"}], Default="x"), DOZE), "Default names the step x"),
    (runbook({**api("a"), "onCancel": "step:doze"}, DOZE), "onCancel may not go to doze, which is aws:sleep"),
    (runbook({**DOZE, "inputs": {}}), "one of Duration and Timestamp"),
    (runbook({**DOZE, "inputs": {"Duration": "PT1S", "Length": 2}}), "unknown input Length for aws:sleep"),
    (runbook({**DOZE, "outputs": [{"Name": "a", "Selector": "$.a"}]}), "aws:sleep takes no outputs"),
    (runbook(api("a", inputs={"Colour": "red"})), "unknown input Colour for aws:executeAwsApi"),
    (runbook(api("a", inputs={"Api": "{{ Name }}"})), "written out"),
    (runbook(api("a", outputs=[{"Name": "a", "Selector": "a.b"}])), "is not a JSONPath"),
    (runbook(api("a", outputs=[{"Name": "a", "Selector": "$.a", "Type": "Text"}])), "outputs.0.Type"),
    (runbook({**api("a"), "inputs": {"Service": "ec2"}}), "needs the input Api"),
    (runbook(prop(DesiredValues="b")), "DesiredValues is a list"),
    (runbook(prop(PropertySelector="$.[")), "is not a JSONPath"),
    (runbook(change(DesiredState="gone")), "DesiredState 'gone'"),
    (runbook(choose(Variable="a", Equals="b"), DOZE), "unknown operator Equals"),
    (runbook(choose(Variable="a"), DOZE), "one Variable and one operator"),
    (runbook(choose(And=[]), DOZE), "And is a list"),
    (runbook(choose(Or=[{"Variable": "a", "Like": "b"}]), DOZE), "unknown operator Like"),
    (runbook(choose(Not={"Variable": "a", "Like": "b"}), DOZE), "unknown operator Like"),
    (runbook(choose(And=[{"Variable": "a", "StringEquals": "b"}], Variable="x"), DOZE), "And stands alone"),
    (runbook(fork(Choices=[])), "at least one choice"),
    (runbook(api("a", inputs={"Name": "{{ Size }}"})), "inputs.Name refers to the parameter Size"),
    (runbook(api("a", inputs={"Name": "{{ b.c }}"})), "there is no step b"),
    (runbook(api("a", inputs={"Name": "{{ doze.c }}"}), DOZE), "step doze has no output c"),
    (runbook(api("a", inputs={"Name": "{{ ssm:/x }}"})), "ssm:/x, which is not rehearsed"),
    (runbook(api("a", inputs={"Name": "{{ global:MOON }}"})), "global:MOON, which is not rehearsed"),
    (runbook(DOZE, assumeRole="{{ Role }}"), "assumeRole refers to the parameter Role"),
    (runbook(DOZE, outputs=["doze.X"]), "outputs refers to doze.X"),
    (runbook(DOZE, parameters={"A": {"type": "Text"}}), "parameter A: unknown type Text"),
    (runbook(DOZE, parameters={"A": {"type": "String", "pattern": "x"}}), "A.pattern: unknown key"),
    (runbook(DOZE, parameters={"A": {"type": "String", "allowedPattern": "("}}), "parameter A"),
    (runbook(DOZE, parameters={"A": {"type": "String", "default": "{{ ssm:x }}"}}), "parameter A: a default"),
    (runbook(nap("a", 1), nap("b", 1, nextStep="a")), "circle: a -> b -> a"),
    (runbook(nap("a", 1, isEnd=True, onFailure="step:a")), "circle: a -> a"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), SAID, ids=[said for _, said in SAID])
def test_refused_by_name(content: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError) as error:
        checked(content, any_inputs)
    assert said in str(error.value)


def test_what_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(RefusedError, match="not a mapping"):
        checked(["a"], any_inputs)


@pytest.mark.parametrize("name", sorted(RUNBOOKS))
def test_the_runbooks_that_aws_owns_pass(name: str) -> None:
    assert checked(RUNBOOKS[name], any_inputs).main_steps


def test_small_letters_are_taken_for_the_same() -> None:
    assert checked(runbook(nap("a", 1, onFailure="abort", onCancel="abort")), any_inputs)
