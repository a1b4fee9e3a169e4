"""Probes as entries: their keys, and what else may be asked of an experiment."""

from __future__ import annotations

from collections.abc import Iterator

from chaos_engine import probe_keys
from chaos_engine.catalogue.fields import arguments
from chaos_engine.catalogue.model import Argument, Entry
from chaos_engine.documents import AlertDocument
from chaos_engine.guardrail_fields import NotWhileDocument
from chaos_engine.probe_keys import Keys

_PROBES = "probes of steady_state, hypothesis and abort_when"
_TEXTS = {
    "http": "A URL, as a client sees it: no lag, first witness of a fault, first judge of recovery.",
    "prometheus": "A PromQL query, evaluated over the whole window.",
    "cloudwatch": "Metrics of CloudWatch: one, an expression over several, or raw queries (extra aws).",
    "alarm": "An alarm of CloudWatch, metric or composite: it must be OK, and stay out of ALARM (extra aws).",
    "alarms": "Several alarms of CloudWatch, each as `alarm` (extra aws).",
}


def entries() -> tuple[Entry, ...]:
    """Every kind of probe, and what stands beside probes."""
    probes = (_probe(kind, _keys(kind), text) for kind, text in _TEXTS.items())
    return (*probes, *_beside())


def _probe(kind: str, keys: tuple[Argument, ...], text: str) -> Entry:
    return Entry("probe", _PROBES, kind, text, keys, module="chaos_engine.probes", package="chaos-engine")


def _keys(kind: str) -> tuple[Argument, ...]:
    if kind == "http":
        return (*_told(probe_keys.HTTP), *_told(probe_keys.HTTP_EXPECT, "expect."))
    if kind == "prometheus":
        return tuple(_told(probe_keys.PROMETHEUS))
    if kind == "cloudwatch":
        inner = {**probe_keys.METRIC, **probe_keys.CLOUDWATCH_FORMS}
        return (*_told(probe_keys.CLOUDWATCH), *_told(inner, "cloudwatch."))
    other = "alarm" if kind == "alarms" else "alarms"
    return tuple(_told({key: one for key, one in probe_keys.ALARM.items() if key != other}, needed=kind))


def _told(keys: Keys, prefix: str = "", needed: str = "") -> Iterator[Argument]:
    for key, one in keys.items():
        required = one.required or key == needed
        yield Argument(prefix + key, one.type, one.default, required, one.documentation)


def _beside() -> Iterator[Entry]:
    module, package = "chaos_engine.documents", "chaos-engine"
    within = Argument("recovers_within", "duration", required=True, documentation="From the clearing on.")
    yield Entry(
        "probe", "what a hypothesis may ask besides", "recovers_within",
        "The system is steady again within so long of the fault's clearing.",
        (within,), module=module, package=package,
    )  # fmt: skip
    yield Entry(
        "probe", "what a hypothesis may ask besides", "alert_fires",
        "A Prometheus alert begins to fire within so long of the injection.",
        arguments(AlertDocument), module=module, package=package,
    )  # fmt: skip
    yield Entry(
        "probe", "guardrails", "not_while",
        "Under guardrails: nothing is injected while one of these fires, or cannot be asked.",
        arguments(NotWhileDocument), module="chaos_engine.guardrail_fields", package=package,
    )  # fmt: skip
