"""Pure: what a container is to the proxy, from its labels and name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chaos_engine.containers import PARKED, PART, PROJECT, SERVICE, TARGET


class Kind(StrEnum):
    """TARGET opted in. HELPER and PART are the engine's own. Of what is FOREIGN nothing is seen."""

    TARGET = "target"
    HELPER = "helper"
    PART = "part"
    FOREIGN = "foreign"


@dataclass(slots=True)
class Scope:
    """Who opted in: by label, or in the proxy's own list of names and of (project, service).

    `admitted`: ids that stay allowed when they are renamed.
    """

    names: frozenset[str] = frozenset()
    services: frozenset[tuple[str, str]] = frozenset()
    own: str = ""  # id of the container that we are in; empty: none
    admitted: set[str] = field(default_factory=set)

    def kind(self, id_: str, name: str, labels: Mapping[str, str]) -> Kind:
        """What it is to us."""
        if id_ == self.own or PART in labels:
            return Kind.HELPER if labels.get(PART) == "helper" else Kind.PART
        if labels.get(TARGET) == "false":
            return Kind.FOREIGN
        plain = name.partition(".")[2] if name.startswith(PARKED) else name  # put aside for a replacement
        listed = plain in self.names or (labels.get(PROJECT, ""), labels.get(SERVICE, "")) in self.services
        opted_in = labels.get(TARGET) == "true" or listed or id_ in self.admitted
        return Kind.TARGET if opted_in else Kind.FOREIGN

    def kind_of(self, inspection: Mapping[str, Any]) -> Kind:
        """The same, of an inspection."""
        labels = inspection["Config"].get("Labels") or {}
        return self.kind(inspection["Id"], inspection["Name"].lstrip("/"), labels)

    def kind_of_listed(self, entry: Mapping[str, Any]) -> Kind:
        """The same, of an entry of a listing."""
        names = [name.lstrip("/") for name in entry.get("Names") or () if name.count("/") == 1]
        return self.kind(entry["Id"], names[0] if names else "", entry.get("Labels") or {})


def victim_of(helper: Mapping[str, Any]) -> str:
    """The id of the container that a helper hurts, from its inspection; empty: it does not say."""
    for text in helper["Config"].get("Env") or ():
        if text.startswith("CHAOS_HELPER="):
            try:
                return str(json.loads(text.partition("=")[2])["victim"])
            except (ValueError, KeyError, TypeError):
                return ""
    return ""
