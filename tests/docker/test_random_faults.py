"""Twenty rounds of random faults on the stack, three at once: at the end all is as it was, orders too."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos_engine.containers import VICTIM
from tests.docker import catalogue
from tests.docker.small import comparable, docker, image, rules_of
from tests.docker.stack import Stack, StackError, until
from tests.integration.engine_process import Place, running

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
ROUNDS, AT_ONCE = 20, 3
SERVICES = ("target-app", "postgres", "prometheus", "traffic")


def settings(project: str) -> dict[str, Any]:
    """Every scenario that hurts containers, on every service that it can hurt; no gate waits for another."""
    targets = {name: {"compose_service": name, "compose_project": project} for name in SERVICES}
    scenarios = {name: {"gate": "overlapping", **catalogue.on_the_stack(name)} for name in catalogue.names()}
    return {
        "schedule": {
            "every": "1s", "startup_wait": "1s", "recovery": "3s", "max_concurrent": AT_ONCE,
            "min_interval": "200ms", "seed": 20,
        },
        "targets": targets,
        "scenarios": scenarios,
    }  # fmt: skip


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(CHAOS_ENABLED="false") as found:
        yield found


@contextmanager
def ordering(stack: Stack) -> Iterator[list[int]]:
    """Somebody who orders all the time; ids of the orders that the shop has taken."""
    url, taken, left = f"http://127.0.0.1:{stack.ports['SHOP_PORT']}", list[int](), threading.Event()
    product = posted(url, "/products", {"name": f"bulk {time.time()}", "price_cents": 1, "stock": 10**6})[
        "id"
    ]

    def order() -> None:
        while not left.wait(0.1):
            try:
                taken.append(posted(url, "/orders", {"product_id": product, "quantity": 1})["id"])
            except (OSError, ValueError):
                continue

    thread = threading.Thread(target=order)
    thread.start()
    try:
        yield taken
    finally:
        left.set()
        thread.join()


def posted(url: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer. OSError, ValueError: there was none that is whole."""
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=2) as answer:
        return dict(json.loads(answer.read()))


def seen(stack: Stack) -> dict[str, Any]:
    """The stack, less ids, times and given addresses."""
    found = {name: comparable(stack.inspect(name)) for name in SERVICES}
    rules = {name: rules_of(stack.inspect(name)["Id"]) for name in SERVICES}
    return {"inspections": found, "rules": rules}


def all_well(stack: Stack) -> bool:
    states = [stack.inspect(name)["State"] for name in SERVICES]
    return all(s["Running"] and s.get("Health", {}).get("Status", "healthy") == "healthy" for s in states)


def verdicts(place: Place) -> list[dict[str, Any]]:
    """Of the experiments that are over and hurt something."""
    done = place.call("history", "--json", "--limit", "200")
    entries = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    return [entry for entry in entries if entry.get("verdict") not in (None, "steady_state_not_met")]


def test_after_twenty_rounds_of_random_faults_all_is_as_it_was(stack: Stack, tmp_path: Path) -> None:
    until(lambda: all_well(stack), "the stack is up")
    before = seen(stack)
    place = Place(tmp_path, {"CHAOS_HELPER_IMAGE": image()})
    place.configure(yaml.safe_dump(settings(stack.project)))
    with ordering(stack) as orders:
        with running(place) as engine:
            until(lambda: len(verdicts(place)) >= ROUNDS, f"{ROUNDS} rounds", 300.0, pause=1.0)
            code, _ = engine.stop()
        until(lambda: all_well(stack), "the stack is well again", 90.0)
        last = len(orders)
        until(lambda: len(orders) > last, "the shop takes orders again", 30.0)
    told = Counter((v["scenario"], v["verdict"]) for v in verdicts(place))
    assert code == 0, engine.said
    assert {verdict for _, verdict in told} <= {"unjudged", "no_effect", "aborted"}, (told, engine.said)
    assert list(differences(before, seen(stack))) == []
    with suppress(StackError):
        until(lambda: helpers_of(stack) == [], "what lingers has gone", 20.0)
    assert helpers_of(stack) == [], engine.said
    assert lost(stack, orders) == []


def helpers_of(stack: Stack) -> list[str]:
    """Helpers of its containers, running or not."""
    victims = [stack.inspect(name)["Id"] for name in SERVICES]
    listed = (
        ("ps", "-a", "--filter", f"label={VICTIM}={id_}", "--format={{.Names}} {{.Status}} {{.Command}}")
        for id_ in victims
    )
    return [line for words in listed for line in docker(*words).splitlines()]


def differences(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """Where they differ, and how."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key), after.get(key), f"{where}/{key}")
    elif before != after:
        yield f"{where}: {before!r} -> {after!r}"


def lost(stack: Stack, orders: list[int]) -> list[int]:
    """Orders that the shop took, and does not know any more."""
    return [order for order in orders if stack.get(f"/orders/{order}").status != 200]


def test_the_question_for_orders_has_teeth(stack: Stack) -> None:
    assert lost(stack, [2**31 - 1]) == [2**31 - 1]
