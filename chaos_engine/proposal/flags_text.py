"""Settings for a flagd file: a scenario for each flag that can be switched off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chaos_engine.proposal.settings_text import key, shown

OFF = "off"
TARGET = "flags"


def switchable(flags: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Flags that have a variant `off` and others, with those: what can hurt, and be taken back."""
    found = {name: tuple(flag.get("variants") or ()) for name, flag in flags.items()}
    return {
        name: tuple(variant for variant in variants if variant != OFF)
        for name, variants in found.items()
        if OFF in variants and len(variants) > 1
    }


def flags_text(flags: Mapping[str, Any], file: str) -> str:
    """The settings; `file` is the flagd file as the settings name it."""
    lines = (*_head(flags, file), *_scenarios(flags))
    return "\n".join(lines) + "\n"


def _head(flags: Mapping[str, Any], file: str) -> Iterator[str]:
    yield f"# Proposed by `chaos-engine init {shown(file)}`. `chaos-engine validate` says what"
    yield "# is wrong, `plan` what would be done."
    yield ""
    yield "schedule:"
    if all(_weight(flags[name]) != "1" for name in switchable(flags)):
        yield "  enabled: false       # no flag is ready to be switched: see the weights below"
    yield "  every: 5m            # from start to start; CHAOS_INTERVAL wins over it"
    yield "  startup_wait: 60s"
    yield "  recovery: 30s        # how long a flag stays switched"
    yield ""
    yield "targets:"
    yield f"  {TARGET}:"
    yield f"    flagd_file: {json.dumps(file)}   # where the engine sees it"
    yield ""
    yield "# Without probes nothing is judged: say what a client must see, such as"
    yield "# steady_state:"
    yield "#   lookback: 60s"
    yield "#   probes:"
    yield "#     - http: http://frontend-proxy:8080/"
    yield '#       expect: {status: 200, latency: "< 2s", success: ">= 99%"}'
    yield ""
    yield "scenarios:"


def _scenarios(flags: Mapping[str, Any]) -> Iterator[str]:
    for name, variants in switchable(flags).items():
        if about := flags[name].get("description"):
            yield f"  # {shown(str(about))}"
        if len(variants) > 1:
            yield f"  # variants: {', '.join(shown(variant) for variant in variants)}"
        yield f"  {key(name)}:"
        yield "    scenario: feature_flag"
        yield f"    flag: {json.dumps(name)}"
        yield f"    variant: {json.dumps(variants[0])}"
        yield f"    weight: {_weight(flags[name])}"


def _weight(flag: Mapping[str, Any]) -> str:
    """One that is switched on, or off altogether, is for people to decide."""
    if flag.get("state") == "DISABLED":
        return "0   # it is DISABLED: nobody would see the variant"
    if flag.get("defaultVariant") != OFF:
        return "0   # it is not off now"
    return "1"
