"""Which containers may be stopped, how long that may take, and what counts as a database."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.config import load_settings
from chaos_engine.containers import Container, Replicas, Selector
from chaos_engine.helper.kill import is_of
from chaos_engine.model import Target
from chaos_engine.written import ConfigError
from scenarios.container import Victim
from scenarios.downtime import MOST_GRACE, share
from scenarios.registry import load
from scenarios.selection import RefusedError, meant, refusal
from scenarios.whole_service import is_database, whole


def container(name: str, state: str = "running", **labels: str) -> Container:
    compose = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    return Container(name, name, state, {**compose, **labels}, "shop:1")


def all_of(*found: Container, **how: Any) -> list[str]:
    selector = Selector(service="web", **how)
    return [each.name for each in whole(found, selector, "service_unavailable", "", Random(1))]


# --- a whole service ---


def test_all_that_run_whatever_replicas_says() -> None:
    three = [container(name) for name in "abc"]
    assert all_of(*three, replicas=Replicas(count=1)) == ["a", "b", "c"]
    assert all_of(*three, container("d", "exited")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("odd", "how", "message"),
    [
        (container("b", "restarting"), {}, "b: it is restarting"),
        (container("b", "paused"), {}, "b: it is paused"),
        (container("b", **{"chaos.target": "false"}), {}, 'b: it says chaos.target: "false"'),
        (container("b", **{"chaos.scenarios": "pause"}), {}, "b allows pause only"),
        (container("b"), {"min_healthy": 1}, "it stays, since min_healthy is 1"),
        (container("b"), {"at_most": Replicas(share=0.5)}, "at_most allows 1"),
    ],
)
def test_a_replica_that_would_go_on_is_a_refusal(odd: Container, how: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        all_of(container("a"), odd, **how)


def test_one_zone_is_not_a_service() -> None:
    target = Target("web", containers=Selector(service="web", zone="a"))
    assert "allowed: the scenario stop, with replicas: all" in str(
        load()["service_unavailable"].refusal(target)
    )
    assert "names no container" in str(load()["database_failure"].refusal(Target("web")))


def test_an_original_that_waits_is_no_replica() -> None:
    parked = container("chaos-original-0123456789ab-e1-0.web-1", "exited")
    replacement = container("b", **{"chaos-engine.original": "x"})
    assert refusal(parked, "") == refusal(replacement, "") == "its configuration is being hurt"
    assert meant([container("a"), parked, replacement], Selector(service="web"), "shop") == (container("a"),)


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("postgres:17", True),
        ("postgres", True),
        ("docker.io/library/mysql@sha256:00", True),
        ("localhost:5000/bitnami/postgresql:16", True),
        ("mcr.microsoft.com/mssql/server:2022-latest", True),
        ("postgis/postgis", True),
        ("redis/redisinsight", False),
        ("quay.io/prometheuscommunity/postgres-exporter", False),
        ("mongo-express", False),
        ("shop:postgres", False),
        ("sha256:00", False),
    ],
)
def test_databases_are_known_by_their_images(image: str, known: bool) -> None:
    assert is_database(image) is known


def settings(tmp_path: Path, target: str) -> Any:
    file = tmp_path / "chaos.yml"
    file.write_text(
        f"targets: {{db: {target}}}\nscenarios: {{database_failure: {{}}}}\nschedule: {{enabled: false}}"
    )
    return load_settings(file, {})


def test_a_target_may_say_that_it_is_a_database(tmp_path: Path) -> None:
    assert settings(tmp_path, "{compose_service: db, role: database}").targets["db"].role == "database"
    assert settings(tmp_path, "{compose_service: db}").targets["db"].role == ""
    with pytest.raises(ConfigError, match=r"targets\.db\.role: 'queue' does not do; allowed: 'database'"):
        settings(tmp_path, "{compose_service: db, role: queue}")
    with pytest.raises(ConfigError, match="role without a container"):
        settings(tmp_path, "{state_file: /tmp/x, role: database}")


# --- parameters ---


@pytest.mark.parametrize(
    ("scenario", "parameters", "message"),
    [
        ("stop", {"grace": "7s"}, "'7s' is no grace; allowed: whole seconds from 0s to 6s"),
        ("restart", {"grace": "500ms"}, "whole seconds"),
        ("service_unavailable", {"grace": "soon"}, "is not a duration"),
        ("engine_kill", {"signal": "BANG"}, "'BANG' is no signal; allowed"),
        ("engine_kill", {"signal": "SIGSTOP"}, "'SIGSTOP' freezes: allowed: the scenario pause"),
        ("engine_kill", {"signal": 9}, "9 is no signal"),
        ("kill", {"signal": "KILL"}, "Extra inputs"),
        ("bad_config", {"variable": "A=B"}, "'A=B' is no variable"),
        ("bad_config", {"variable": ""}, "at least 1"),
        ("bad_config", {"value": "x", "remove": True}, "has both value and remove"),
    ],
)
def test_bad_parameters_are_refused(scenario: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        load()[scenario].parameters.model_validate(parameters)


@pytest.mark.parametrize("signal", ["KILL", "kill", "SIGKILL", "sigkill"])
def test_a_signal_may_be_written_in_any_way(signal: str) -> None:
    parameters: Any = load()["engine_kill"].parameters.model_validate({"signal": signal})
    assert parameters.signal == "KILL"


@pytest.mark.parametrize("number", [1, 2, 4, 7, 40])
def test_stopping_all_takes_no_longer_than_stopping_one_may(number: int) -> None:
    victims = (Victim("a", "a", "", 1),) * number
    assert share(2.0, victims) * number <= MOST_GRACE
    assert share(2.0, victims[:1]) == 2.0


# --- whose a process is ---

V1 = "12:pids:/docker/{0}\n3:memory:/docker/{0}\n0::/\n"
V2 = "0::/system.slice/docker-{0}.scope\n"
INSIDE = "0::/../docker-{0}.scope\n"  # as it is seen from a cgroup namespace of one's own


@pytest.mark.parametrize("text", [V1, V2, INSIDE])
def test_a_process_is_known_by_its_cgroup(tmp_path: Path, text: str) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(text.format("a" * 64))
    assert is_of(7, "a" * 64, tmp_path)
    assert not is_of(7, "b" * 64, tmp_path)
