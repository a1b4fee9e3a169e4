"""Which package has a module that is not installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PACKAGES = {
    "azure_chaos": "chaostoolkit-azure",
    "chaosaddons": "chaostoolkit-addons",
    "chaosaws": "chaostoolkit-aws",
    "chaosazure": "chaostoolkit-azure",
    "chaoscf": "chaostoolkit-cloud-foundry",
    "chaosdb": "chaostoolkit-db",
    "chaosdynatrace": "chaostoolkit-dynatrace",
    "chaosengine": "chaos-engine",
    "chaosgandi": "chaostoolkit-gandi",
    "chaosgce": "chaostoolkit-google-cloud-platform",
    "chaosgcp": "chaostoolkit-google-cloud-platform",
    "chaosgithub": "chaostoolkit-github",
    "chaosgrafana": "chaostoolkit-grafana",
    "chaoshoneycomb": "chaostoolkit-honeycomb",
    "chaoshttp": "chaostoolkit-http",
    "chaoshumio": "chaostoolkit-humio",
    "chaosistio": "chaostoolkit-istio",
    "chaosk8s": "chaostoolkit-kubernetes",
    "chaoskafka": "chaostoolkit-kafka",
    "chaoslaunchdarkly": "chaostoolkit-launchdarkly",
    "chaosloadtest": "chaostoolkit-loadtest",
    "chaosnimble": "chaostoolkit-nimble",
    "chaosopentracing": "chaostoolkit-opentracing",
    "chaosotel": "chaostoolkit-opentelemetry",
    "chaosprometheus": "chaostoolkit-prometheus",
    "chaosreliably": "chaostoolkit-reliably",
    "chaosreporting": "chaostoolkit-reporting",
    "chaosservicefabric": "chaostoolkit-service-fabric",
    "chaosslack": "chaostoolkit-slack",
    "chaosspring": "chaostoolkit-spring",
    "chaostoxi": "chaostoolkit-toxiproxy",
    "chaostracing": "chaostoolkit-opentracing",
    "chaosverification": "chaostoolkit-verification",
    "chaoswm": "chaostoolkit-wiremock",
    "toxiproxy": "chaostoolkit-toxiproxy",
}


def missing_module(module: str, source: str) -> str:
    """What would make it importable: text to add to chaoslib's; empty when there is none."""
    top = module.split(".", maxsplit=1)[0]
    if top in PACKAGES and not found(top):
        package = PACKAGES[top]
        return f"it is in the package {package}, which is not installed: pip install {package}"
    if found(top):
        return why_not(module)
    beside = Path(source).parent / f"{top}.py"
    if beside.exists() or beside.with_suffix("").is_dir():
        return f"it is beside the experiment: put {beside.parent} on PYTHONPATH"
    return f"{top} is not installed in this environment ({sys.executable})"


def found(top: str) -> bool:
    """Whether there is such a package at all."""
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def why_not(module: str) -> str:
    """It is there, and cannot be imported."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - the code of others
        return f"{type(error).__name__}: {error}"
    return ""
