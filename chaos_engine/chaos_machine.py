"""Inputs of AWS Labs' Chaos Machine, unchanged, as experiments (`docs/aws/chaos-machine.md`).

Their shape: https://github.com/awslabs/chaos-machine, `_docs/schemas/chaos-machine-input.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictInt,
    StrictStr,
    Tag,
    ValidationError,
)

from chaos_engine import input_checks
from chaos_engine.documents import AwsDocument
from chaos_engine.fitness import misfits
from chaos_engine.model import (
    AlarmProbe,
    AwsAccess,
    CloudWatchProbe,
    Expectation,
    Experiment,
    Hypothesis,
    Probe,
    PrometheusProbe,
    Step,
    Target,
)
from chaos_engine.probes import ProbeDocument
from chaos_engine.raw_queries import QUERY_KEYS
from chaos_engine.refusals import Draft, refuse
from chaos_engine.schedule_fields import Duration
from chaos_engine.spelling import nearest
from chaos_engine.written import Place

TEXTS = frozenset(
    {"testId", "testDescription", "experimentTemplateId", "automationDocumentName", "prometheusUrl"}
)
NOT_ZERO = Expectation("!= 0", but=0.0)  # a 0 among the values of an expression fails
# What only such inputs have: one of them makes a file an input, however wrong it is.
_MARKS = {"testId", "testDescription", *input_checks.RUNS, "steadyState", "prometheusUrl", "recoveryDelay"}
_METRIC_KEYS = {"metricFormat", "query", "step", *QUERY_KEYS}


class Measurables(BaseModel):
    """What is measured; a metric is a CloudWatch MetricDataQuery, or a Prometheus query with an Id."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    metrics: tuple[dict[str, Any], ...] = ()
    alarms: tuple[StrictStr, ...] = ()


def _same(value: object) -> object:
    if value != "steadyState":
        raise ValueError(f'{value!r} does not do; allowed: "steadyState", or metrics and alarms')
    return value


def _form(value: object) -> str:
    return "mapping" if isinstance(value, (dict, BaseModel)) else "word"


class Input(BaseModel):
    """One input; from `abort_when` on the keys are ours."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    testId: StrictStr  # noqa: N815 - the words of the other tool
    testDescription: StrictStr = ""  # noqa: N815
    experimentTemplateId: StrictStr | None = None  # noqa: N815
    automationDocumentName: StrictStr | None = None  # noqa: N815
    steadyState: Measurables  # noqa: N815
    hypothesis: Annotated[
        Annotated[Literal["steadyState"], BeforeValidator(_same), Tag("word")]
        | Annotated[Measurables, Tag("mapping")],
        Discriminator(_form),
    ]
    lookback: StrictInt = Field(300, ge=0)
    recoveryDelay: StrictInt | None = Field(None, ge=0)  # noqa: N815
    recoveryDuration: StrictInt | None = Field(None, ge=0)  # noqa: N815
    prometheusUrl: StrictStr | None = None  # noqa: N815
    abort_when: tuple[ProbeDocument, ...] = ()
    strict_compatibility: bool = False
    aws: AwsDocument = AwsDocument()
    timeout: Duration = 3600.0
    wait: Duration | None = None

    @property
    def scenario(self) -> str:
        """The scenario that runs it."""
        return "fis" if self.experimentTemplateId else "ssm_automation"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the scenario is told."""
        named = {"template": self.experimentTemplateId, "document": self.automationDocumentName}
        return {**{key: value for key, value in named.items() if value}, "timeout": self.timeout}


def is_input(data: Mapping[str, Any]) -> bool:
    """Whether a document is such an input."""
    return not _MARKS.isdisjoint(data)


def read(draft: Draft) -> Input | None:
    """The input; None where it is not whole: everything that is wrong is noted at once."""
    data, before = draft.written.data, len(draft.problems)
    found = None
    try:
        found = Input.model_validate(data)
    except ValidationError as error:
        refuse(draft, error, ())
    for place, text in input_checks.problems(data):
        draft.wrong(place, text)
    return found if len(draft.problems) == before else None


def warnings(draft: Draft) -> Iterator[str]:
    """Keys that nobody knows, each with the nearest one."""
    for place, key, known in _unknown(draft.written.data):
        yield f"{draft.written.where((*place, key))}: nobody knows this key{nearest(key, known)}"


def tight(found: Experiment, scrape_interval: float | None) -> Iterator[str]:
    """Windows in which there may be nothing to judge. They are as the input says: it runs all the same."""
    yield from (f"{found.label}: {text}" for _, text in misfits(found, scrape_interval))


def experiment(
    found: Input, label: str, target: Target, access: AwsAccess, abort_when: tuple[Probe, ...] = ()
) -> Experiment:
    """The experiment that the input describes. What must hold after the fault is asked after it.

    `abort_when` holds where the input has none of its own.
    """
    steady = tuple(_probes(found, found.steadyState, access))
    own = found.hypothesis
    probes = steady if isinstance(own, str) else tuple(_probes(found, own, access))
    delay, duration = found.recoveryDelay, found.recoveryDuration
    return Experiment(
        title=found.testDescription or found.testId,
        label=label,
        steps=(Step(found.scenario, target, found.parameters, runs=True),),
        hold=found.timeout,
        steady=steady,
        lookback=float(found.lookback),
        hypothesis=Hypothesis(
            probes,
            delay=None if delay is None else float(delay),
            duration=None if duration is None else float(duration),
            whole_minutes=True,
        ),
        abort_when=tuple(_located(found, probe, access) for probe in found.abort_when) or abort_when,
        recovers=False,
        as_original=found.strict_compatibility,
    )


def _located(found: Input, probe: Probe, access: AwsAccess) -> Probe:
    """A probe of `abort_when` asks where the others ask, unless it says where."""
    if isinstance(probe, (CloudWatchProbe, AlarmProbe)):
        return replace(probe, access=access)
    if isinstance(probe, PrometheusProbe) and not probe.url:
        return replace(probe, url=found.prometheusUrl or "")
    return probe


def _probes(found: Input, measured: Measurables, access: AwsAccess) -> Iterator[Probe]:
    """One probe for all queries of CloudWatch, since they refer to each other; one for all alarms."""
    queries = [metric for metric in measured.metrics if input_checks.form_of(metric) == "CloudWatch"]
    if queries:
        plain = [{**input_checks.query_of(metric), "ReturnData": True} for metric in queries]
        judged = tuple(query["Id"] for query in queries if query["Id"].startswith("e"))
        period = max((_period(query) for query in queries), default=60.0)
        probe = CloudWatchProbe(json.dumps(plain), judged, NOT_ZERO, period, access=access)
        yield probe if found.wait is None else replace(probe, wait=found.wait)
    for metric in measured.metrics:
        if input_checks.form_of(metric) == "Prometheus" and metric["Id"].startswith("e"):
            step = input_checks.step_of(metric)
            yield PrometheusProbe(
                metric["query"], NOT_ZERO, found.prometheusUrl or "", metric["Id"], step=step
            )
    if measured.alarms:
        alarms = AlarmProbe(measured.alarms, access=access)
        yield alarms if found.wait is None else replace(alarms, wait=found.wait)


def _period(query: Mapping[str, Any]) -> float:
    stat = query.get("MetricStat")
    period = stat.get("Period") if isinstance(stat, Mapping) else query.get("Period")
    return float(period) if isinstance(period, int) else 60.0


# --- keys that nobody knows ------------------------------------------------------------------


def _unknown(data: Mapping[str, Any]) -> Iterator[tuple[Place, str, set[str]]]:
    yield from (((), key, known) for known in [set(Input.model_fields)] for key in data if key not in known)
    for section in ("steadyState", "hypothesis"):
        measured = data.get(section)
        if not isinstance(measured, Mapping):
            continue
        known = set(Measurables.model_fields)
        yield from (((section,), key, known) for key in measured if key not in known)
        for index, metric in enumerate(input_checks.listed(measured, "metrics")):
            if isinstance(metric, Mapping):
                odd = (key for key in metric if key not in _METRIC_KEYS)
                yield from (((section, "metrics", index), key, _METRIC_KEYS) for key in odd)
