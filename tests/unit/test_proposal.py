"""What `init` proposes for a Compose file, and that whatever it proposes can be used."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos_engine.config import load_settings
from chaos_engine.console import init
from chaos_engine.proposal.guessing import propose
from chaos_engine.proposal.override_text import names_for, override_text
from chaos_engine.proposal.reading import read
from chaos_engine.proposal.settings_text import settings_text
from chaos_engine.written import ConfigError

SHOP = """
x-common: &common {restart: always, networks: [front]}
services:
  web:
    <<: *common
    build: ./web
    ports: ["${WEB_PORT:-8080}:8000", "9229:9229"]
    depends_on: [api]
  api:
    <<: *common
    image: registry.example:5000/team/api:1
    expose: ["9000-9005", "8081"]
    networks: [front, back]
    healthcheck: {test: [CMD-SHELL, "curl -f http://localhost:8081/health/live || exit 1"]}
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    deploy: {replicas: 3}
  db: {image: "postgres:17@sha256:00", networks: [back], ports: [{target: 5432, published: "5432"}]}
  cache: {image: bitnami/redis, networks: {back: {aliases: [redis]}}}
  migrate: {build: ., networks: [back]}
  seed: {image: busybox, profiles: [seed]}
  never: {image: busybox, labels: ["chaos.target=false"]}
  host: {image: nginx, network_mode: host, ports: !override ["80"]}
networks: {front: {}, back: {}}
"""


def written(text: str, tmp_path: Path, *, force: bool = False) -> tuple[Any, Any]:
    """Both files, read again."""
    file = tmp_path / "docker-compose.yml"
    file.write_text(text)
    assert init.run(file, None, force=force) == 0
    override = yaml.safe_load((tmp_path / "compose.chaos.yml").read_text())
    return yaml.safe_load((tmp_path / "chaos.yml").read_text()), override


def test_targets_with_what_was_guessed_of_them(tmp_path: Path) -> None:
    chaos, _ = written(SHOP, tmp_path)
    assert list(chaos["targets"]) == ["web", "api", "db", "cache", "host"]
    assert chaos["targets"]["api"] == {"compose_service": "api", "replicas": 1, "min_healthy": 1}
    text = (tmp_path / "chaos.yml").read_text()
    assert "  db:  # database, guessed from its image; api depends on it; no restart policy" in text
    assert "  web:  # built here\n" in text
    assert "# migrate is left out: it runs once, and ends" in text
    assert "# seed is left out: it is started with the profile seed alone" in text
    assert '# never is left out: it says chaos.target: "false"' in text
    assert "host:  # application, guessed from its image; no restart policy: once it is killed" in text


def test_probes_from_health_checks_and_ports(tmp_path: Path) -> None:
    chaos, _ = written(SHOP, tmp_path)
    urls = [probe["http"] for probe in chaos["steady_state"]["probes"]]
    assert urls == ["http://web:8000/", "http://api:8081/health/live"]


def test_what_keeps_something_is_hurt_less_often(tmp_path: Path) -> None:
    scenarios = written(SHOP, tmp_path)[0]["scenarios"]
    assert scenarios["pause"]["targets"] == ["web", "api", "host"]
    assert scenarios["partition"]["targets"] == ["web", "api"]  # the host's network is not one's own
    assert scenarios["database_failure"]["targets"] == ["db"]
    stored = {key: each for key, each in scenarios.items() if "cache" in each["targets"]}
    assert stored
    weights = {
        each.get("scenario", key): each["weight"] for key, each in scenarios.items() if key not in stored
    }
    assert all(each["weight"] <= weights.get(each.get("scenario", key), 1) for key, each in stored.items())


def test_the_override_adds_the_engine_and_keeps_the_socket_from_it(tmp_path: Path) -> None:
    _, override = written(SHOP, tmp_path)
    services = override["services"]
    assert set(services) == {"chaos-engine", "chaos-janitor", "chaos-docker-proxy", "chaos-prometheus"}
    holders = [name for name, each in services.items() if "docker.sock" in str(each.get("volumes"))]
    assert holders == ["chaos-docker-proxy"]
    assert services["chaos-docker-proxy"]["networks"] == ["chaos-control"]
    assert set(services["chaos-engine"]["networks"]) == {"front", "back", "chaos-control"}
    allowed = "CHAOS_PROXY_SERVICES=web,api,db,cache,host"
    assert allowed in services["chaos-docker-proxy"]["environment"]


def test_its_own_prometheus_is_used(tmp_path: Path) -> None:
    text = "services: {a: {image: nginx, ports: ['80']}, metrics: {image: prom/prometheus, networks: [m]}}"
    chaos, override = written(text, tmp_path)
    assert chaos["prometheus_url"] == "http://metrics:9090"
    assert "metrics" not in chaos["targets"]
    assert "configs" not in override
    assert override["services"]["chaos-engine"]["networks"] == ["default", "m", "chaos-control"]


def test_names_that_are_taken_get_a_number(tmp_path: Path) -> None:
    text = (
        "services: {chaos-engine: {image: a, networks: [chaos-control]}, chaos-engine-2: {image: b}, web: {}}"
    )
    _, override = written(text, tmp_path)
    assert {"chaos-engine-3", "chaos-janitor"} <= set(override["services"])
    assert list(override["networks"]) == ["chaos-control-2"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    written(SHOP, tmp_path)
    (tmp_path / "chaos.yml").write_text("mine")
    with pytest.raises(ConfigError, match="is there already; allowed: another --output-dir, or --force"):
        written(SHOP, tmp_path)
    assert (tmp_path / "chaos.yml").read_text() == "mine"
    written(SHOP, tmp_path, force=True)
    assert (tmp_path / "chaos.yml").read_text() != "mine"


def test_in_another_folder_paths_are_seen_from_the_compose_file(tmp_path: Path) -> None:
    file = tmp_path / "app" / "docker-compose.yml"
    file.parent.mkdir()
    file.write_text(SHOP)
    init.run(file, tmp_path / "chaos files", force=False)
    override = yaml.safe_load((tmp_path / "chaos files" / "compose.chaos.yml").read_text())
    assert override["services"]["chaos-engine"]["volumes"][0] == (
        "../chaos files/chaos.yml:/etc/chaos/chaos.yml:ro"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no services"),
        ("- a\n- b", "has no services"),
        ("servcies: {web: {}}", "did you mean 'services'?"),
        ("services: 3", "services is 3; allowed: a mapping"),
        ("services: {}", "allowed: a mapping with at least one"),
        ("services: {web: [", ":1: not YAML"),
        ("services: {'a b': {image: x}}", "'a b' is no service's name"),
        ('services: {"a\\nb": {image: x}}', "is no service's name"),
        ("services: {web: {profiles: [a]}}", "no service that could be a target: web: it is started with"),
        ("a: &a [*a]\nservices: {web: *b}", "not YAML"),
        ("\0", "not YAML"),
    ],
)
def test_what_is_no_compose_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        written(text, tmp_path)
    assert said in str(caught.value)
    assert not (tmp_path / "chaos.yml").exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        init.run(tmp_path / "none.yml", None, force=False)


# --- whatever stands in it -----------------------------------------------------------------------

letters = st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"])
texts = st.text(letters, max_size=12)
plain = st.one_of(texts, st.integers(-5, 70000), st.booleans(), st.none(), st.floats(allow_nan=False))
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
names = st.sampled_from(["web", "db", "on", "1", "1.0", "null", "a_b", "a.b", "no", "chaos-engine"])
images = st.sampled_from(["nginx", "postgres:17", "redis", "prom/prometheus", "${X}", "a:b:c@d"])
ports = st.sampled_from(["80", "1-9:1-9", "${P:-3}:${Q}", "53/udp", "x:y"])
odd = {
    "image": images | anything,
    "ports": st.lists(ports | anything, max_size=3) | anything,
    "expose": anything,
    "healthcheck": st.fixed_dictionaries({"test": st.just("curl http://localhost:99999/") | anything}),
    "depends_on": st.lists(names, max_size=2) | anything,
    "networks": anything | st.lists(names, max_size=2),
    "profiles": st.lists(texts, max_size=1),
    "network_mode": st.sampled_from(["host", "none", "service:web"]) | anything,
    "deploy": anything,
    "labels": anything,
    "restart": anything,
    "extends": anything,
}
services = st.dictionaries(names, st.fixed_dictionaries({}, optional=odd) | anything, min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(services, texts)
def test_whatever_stands_in_it_what_is_proposed_can_be_used(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, Any], other: str
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    text = yaml.safe_dump({"services": found, f"x-{other}": 1}, allow_unicode=True)
    try:
        read_services = read("compose.yml", text)
    except ConfigError:
        return
    proposal = propose(read_services)
    if not proposal.targets:
        return
    names_ = names_for(read_services, proposal)
    (folder / "chaos.yml").write_text(
        settings_text(proposal, "compose.yml", init.usable(), names_.prometheus), encoding="utf-8"
    )
    chosen = load_settings(folder / "chaos.yml", {})
    assert list(chosen.targets) == [service.name for service in proposal.targets]
    override = yaml.safe_load(override_text(proposal, names_, "-f a -f b", "./chaos.yml"))
    assert not set(override["services"]) & ({*found} - {names_.prometheus})


@pytest.mark.docker
@pytest.mark.parametrize(
    "text", [SHOP, "services: {'on': {image: nginx, ports: ['80']}, '1.0': {image: redis}}"]
)
def test_compose_takes_both_together(text: str, tmp_path: Path) -> None:
    written(text, tmp_path)
    command = [
        "docker",
        "compose",
        "-f",
        "docker-compose.yml",
        "-f",
        "compose.chaos.yml",
        "config",
        "--quiet",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
