"""The proposed override: the engine, its janitor, the proxy before the Docker socket, and a Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos_engine.proposal.guessing import Proposal
from chaos_engine.proposal.reading import Service
from chaos_engine.proposal.settings_text import key, shown


@dataclass(frozen=True, slots=True)
class Names:
    """What the new services and networks are called, so that they are nobody else's."""

    engine: str
    janitor: str
    proxy: str
    prometheus: str
    control: str
    journal: str


def names_for(services: tuple[Service, ...], proposal: Proposal) -> Names:
    """Ours, with a number where they are taken."""
    taken = {service.name for service in services}
    networks = {network for service in services for network in service.networks}
    return Names(
        engine=_free("chaos-engine", taken),
        janitor=_free("chaos-janitor", taken),
        proxy=_free("chaos-docker-proxy", taken),
        prometheus=proposal.prometheus.name if proposal.prometheus else _free("chaos-prometheus", taken),
        control=_free("chaos-control", networks),
        journal="chaos-journal",
    )


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}-{number}" for number in range(2, 1000))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def override_text(proposal: Proposal, names: Names, files: str, settings: str) -> str:
    """`files`: how the two are started; `settings`: path of chaos.yml, as seen from the Compose file."""
    networks = _networks(proposal)
    return "\n".join(
        (
            *_head(files),
            *_engine(names, networks, settings),
            *_janitor(names, settings),
            *_proxy(proposal, names),
            *(() if proposal.prometheus else _prometheus(names, networks)),
            *_rest(proposal, names),
            "",
        )
    )


def _networks(proposal: Proposal) -> list[str]:
    """Those in which the engine finds what it asks."""
    asked = {probe.service for probe in proposal.probes}
    of = [each for each in proposal.targets if each.name in asked] or [
        each for each in proposal.targets if not each.mode
    ]
    watched = dict.fromkeys(network for each in of for network in each.networks)
    metrics = proposal.prometheus.networks if proposal.prometheus else ()
    return list(dict.fromkeys((*watched, *metrics))) or ["default"]


def _head(files: str) -> Iterator[str]:
    yield "# Adds an engine to the Compose file beside it, which stays as it is. Its image is made once:"
    yield "#   docker build -t chaos-engine FOLDER-OF-CHAOS-ENGINE"
    yield f"#   docker compose {shown(files)} up --detach"
    yield ""
    yield "x-chaos: &chaos"
    yield "  image: ${CHAOS_ENGINE_IMAGE:-chaos-engine}"
    yield "  restart: unless-stopped"
    yield "  read_only: true"
    yield "  tmpfs: [/tmp]"
    yield "  cap_drop: [ALL]"
    yield '  security_opt: ["no-new-privileges:true"]'
    yield "  stop_grace_period: 10s"
    yield ""
    yield "services:"


def _engine(names: Names, networks: list[str], settings: str) -> Iterator[str]:
    yield f"  {names.engine}:"
    yield "    <<: *chaos"
    yield "    environment:"
    yield f"      - DOCKER_HOST=tcp://{names.proxy}:2375  # never the socket itself"
    yield "      - CHAOS_CONFIG=/etc/chaos/chaos.yml"
    yield "      - CHAOS_INTERVAL"
    yield "      - CHAOS_STARTUP_WAIT"
    yield "      - CHAOS_LOG"
    yield "    volumes:"
    yield f"      - {key(f'{settings}:/etc/chaos/chaos.yml:ro')}"
    yield f"      - {names.journal}:/var/lib/chaos-engine"
    joined = ", ".join(map(key, [*networks, names.control]))
    yield f"    networks: [{joined}]  # where it asks how the services are"
    yield "    deploy:"
    yield '      resources: {limits: {cpus: "0.25", memory: 160M, pids: 128}}'
    yield "    depends_on:"
    yield f"      {names.proxy}: {{condition: service_healthy}}"
    yield ""


def _janitor(names: Names, settings: str) -> Iterator[str]:
    yield f"  {names.janitor}:  # clears what an engine left in that was killed"
    yield "    <<: *chaos"
    yield "    command: [janitor]"
    yield "    environment:"
    yield f"      - DOCKER_HOST=tcp://{names.proxy}:2375"
    yield "      - CHAOS_CONFIG=/etc/chaos/chaos.yml"
    yield "      - CHAOS_LOG"
    yield "    volumes:"
    yield f"      - {key(f'{settings}:/etc/chaos/chaos.yml:ro')}"
    yield f"      - {names.journal}:/var/lib/chaos-engine"
    yield "    healthcheck:"
    yield "      test:"
    yield "        - CMD-SHELL"
    yield "        - >-"
    yield "          beat=$$(stat -c %Y $$CHAOS_DATA_DIR/janitor-heartbeat)"
    yield "          && [ $$(($$(date +%s) - beat)) -lt 15 ]"
    yield "      interval: 5s"
    yield "      start_period: 30s"
    yield f"    networks: [{names.control}]"
    yield "    deploy:"
    yield '      resources: {limits: {cpus: "0.10", memory: 128M, pids: 64}}'
    yield "    depends_on:"
    yield f"      {names.engine}: {{condition: service_started}}"
    yield ""


def _proxy(proposal: Proposal, names: Names) -> Iterator[str]:
    services = ",".join(each.name for each in proposal.targets)
    yield "  # Who may write to the Docker socket is root on the host: this process alone. It lets the calls"
    yield "  # through that scenarios make, for these services, and for what says `chaos.target: true`."
    yield f"  {names.proxy}:"
    yield "    <<: *chaos"
    yield '    command: [docker-proxy, --listen, "0.0.0.0:2375"]'
    yield '    user: "0:0"  # the socket is root\'s; without a capability this root may do nothing else'
    yield "    environment:"
    yield f"      - CHAOS_PROXY_SERVICES={services}"
    yield "      - CHAOS_LOG"
    yield "    volumes: [/var/run/docker.sock:/var/run/docker.sock]"
    yield "    healthcheck:  # bash speaks TCP itself"
    yield "      test:"
    yield "        - CMD"
    yield "        - bash"
    yield "        - -c"
    yield "        - >-"
    yield "          exec 3<>/dev/tcp/127.0.0.1/2375"
    yield r"          && printf 'GET /_ping HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"
    yield "      interval: 5s"
    yield "      start_period: 30s"
    yield f"    networks: [{names.control}]  # nothing else may be in it"
    yield "    deploy:"
    yield '      resources: {limits: {cpus: "0.25", memory: 96M, pids: 128}}'
    yield ""


def _prometheus(names: Names, networks: list[str]) -> Iterator[str]:
    yield f"  {names.prometheus}:"
    yield "    image: prom/prometheus:v2.53.3"
    yield "    restart: unless-stopped"
    yield f"    configs: [{{source: {names.prometheus}, target: /etc/prometheus/prometheus.yml}}]"
    yield '    labels: {chaos.target: "false"}'
    yield f"    networks: [{', '.join(map(key, networks))}]"
    yield ""


def _rest(proposal: Proposal, names: Names) -> Iterator[str]:
    if not proposal.prometheus:
        yield "configs:"
        yield f"  {names.prometheus}:  # wants Compose 2.23.1 or newer"
        yield "    content: |"
        yield "      global: {scrape_interval: 5s, scrape_timeout: 2s}"
        yield "      scrape_configs:"
        yield from _scrapes(proposal)
        yield ""
    yield "networks:"
    yield f"  {names.control}:"
    yield "    internal: true"
    yield ""
    yield "volumes:"
    yield f"  {names.journal}:"


def _scrapes(proposal: Proposal) -> Iterator[str]:
    """Guessed: /metrics, beside what is probed."""
    if not proposal.probes:
        yield "        []  # guessed: no service seems to speak HTTP"
    for probe in proposal.probes:
        address = probe.url.removeprefix("http://").partition("/")[0]
        yield f"        - job_name: {key(probe.service)}  # guessed: whether it has /metrics is not known"
        yield f"          static_configs: [{{targets: [{key(address)}]}}]"
