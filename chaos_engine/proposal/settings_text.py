"""The proposed chaos.yml, with comments that say what was guessed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import yaml

from chaos_engine.proposal.guessing import Proposal, needed_by, role
from chaos_engine.proposal.reading import Service

# How often, for services that keep nothing, and for those that keep something: crashes and slow networks are
# what happens most. Those that this engine has not got, or that need parameters, are left out.
WEIGHTS = {
    "kill": (3, 1),
    "latency": (3, 1),
    "restart": (1, 0),
    "pause": (2, 1),
    "partition": (1, 1),
    "cpu_stress": (1, 0),
}
ON_NETWORKS = {"latency", "partition"}
DATABASE = "database_failure"  # of databases, in place of the others


def settings_text(proposal: Proposal, source: str, scenarios: Collection[str], prometheus: str) -> str:
    """`scenarios`: names of those that can be used without parameters. `prometheus`: its service."""
    return "\n".join(
        (
            *_head(source),
            *_targets(proposal),
            *_steady(proposal, prometheus),
            *_scenarios(proposal, scenarios),
            "",
        )
    )


def key(name: str) -> str:
    """A name as YAML takes it: `on`, `1.0` and the like in quotes."""
    return yaml.safe_dump(name, default_flow_style=True, width=1000).strip().removesuffix("...").strip()


def shown(text: str) -> str:
    """As it may stand in a comment."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _head(source: str) -> Iterator[str]:
    yield f"# Proposed by `chaos-engine init {shown(source)}`. Guesses say so: look at them before you start."
    yield "# `chaos-engine validate chaos.yml` says what is wrong, `plan` what would be done, `doctor` and"
    yield "# `targets` whether everything is there."
    yield ""
    yield "schedule:"
    yield "  every: 5m            # from start to start; CHAOS_INTERVAL wins over it"
    yield "  startup_wait: 60s"
    yield "  recovery: 30s        # how long a fault is held"
    yield "  max_concurrent: 1    # one fault at a time: a verdict is about one thing"
    yield "  when_not_recovered: 2x"
    yield '  # windows: ["* 9-16 * * 1-5"]   # only while somebody is there to look; with `timezone: …`'
    yield ""


def _targets(proposal: Proposal) -> Iterator[str]:
    yield "# Services of this Compose project. The proxy in compose.chaos.yml has the same list."
    yield "targets:"
    for service in proposal.targets:
        yield f"  {key(service.name)}:{_about(service, proposal)}"
        yield f"    compose_service: {key(service.name)}"
        if role(service) == "database":
            yield "    role: database"
        if service.replicas > 1:
            yield f"    replicas: 1        # of {service.replicas}; also 50%, random, all"
            yield "    min_healthy: 1     # so many are left alone"
    for service, why in proposal.left_out:
        yield f"  # {service.name} is left out: {shown(why)}"
    yield ""


def _about(service: Service, proposal: Proposal) -> str:
    users = needed_by(service, proposal.targets)
    said = [_what(service)]
    said += [f"{', '.join(users)} {'depends' if len(users) == 1 else 'depend'} on it"] * bool(users)
    said += ["no restart policy: once it is killed, it stays down until it is cleared"] * (
        not service.restarts
    )
    said += [f"in the network of {shown(service.mode)}: no network faults"] * bool(service.mode)
    return f"  # {'; '.join(said)}"


def _what(service: Service) -> str:
    if service.built or not service.image:
        return "built here" if service.built else "what it runs is said elsewhere"
    return f"{role(service)}, guessed from its image"


def _steady(proposal: Proposal, prometheus: str) -> Iterator[str]:
    yield "# What is normal. Checked before each fault; from when on it holds again is the recovery."
    yield "steady_state:"
    yield "  lookback: 30s"
    if proposal.probes:
        yield "  probes:"
    else:
        yield "  # No service seems to speak HTTP. Without a probe nothing is judged. One would be:"
        yield "  #   probes: [{http: http://SERVICE:PORT/PATH, expect: {latency: '< 1s', success: '>= 99%'}}]"
    for probe in proposal.probes:
        yield f"    - http: {key(probe.url)}  # {probe.why}"
        yield '      expect: {latency: "< 1s", success: ">= 99%"}  # 2xx and 3xx; say `status: 200` for less'
    yield ""
    yield f"prometheus_url: http://{prometheus}:9090"
    if proposal.prometheus is None:
        yield "scrape_interval: 5s  # as that Prometheus has it"
    yield "# Under `probes`, where services have metrics; a fault is then held for the range and two scrapes:"
    yield "#   - prometheus: >-"
    yield '#       sum(rate(http_requests_total{status=~"5.."}[15s])) / sum(rate(http_requests_total[15s]))'
    yield '#     expect: "< 0.01"'
    yield ""


def _scenarios(proposal: Proposal, scenarios: Collection[str]) -> Iterator[str]:
    yield "# What goes wrong, how often, and where. What we believe: nobody notices (`steady_state`)."
    yield "hypothesis: steady_state"
    yield "scenarios:"
    for name in WEIGHTS:
        fitting = _fitting(name, proposal.stateless)
        if name in scenarios and fitting:
            yield f"  {name}: {{weight: {WEIGHTS[name][0]}, targets: [{fitting}]}}"
    databases = [each for each in proposal.stateful if role(each) == "database"]
    if DATABASE in scenarios and databases:
        yield f"  {DATABASE}: {{weight: 1, targets: [{_fitting(DATABASE, databases)}]}}"
        stored = [each for each in proposal.stateful if each not in databases]
    else:
        stored = list(proposal.stateful)
    yield from _stored(stored, scenarios)


def _stored(services: Sequence[Service], scenarios: Collection[str]) -> Iterator[str]:
    """What keeps something is hurt less often, and in ways that it survives."""
    for name, (_, weight) in WEIGHTS.items():
        fitting = _fitting(name, services)
        if name in scenarios and weight and fitting:
            yield f"  stored_{name}: {{scenario: {name}, weight: {weight}, targets: [{fitting}]}}"


def _fitting(scenario: str, services: Iterable[Service]) -> str:
    """Those that it can hurt: who is in somebody else's network has none to hurt."""
    return ", ".join(key(each.name) for each in services if scenario not in ON_NETWORKS or not each.mode)
