"""`docker-proxy`: stands between the engine and the Docker socket."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chaos_engine
from chaos_engine.adapters.docker_engine import IMAGE, own_id
from chaos_engine.console.log import log_of_environment
from chaos_engine.containers import PROJECT
from chaos_engine.docker_proxy.gate import Gate
from chaos_engine.docker_proxy.scope import Scope
from chaos_engine.docker_proxy.server import Listening, Tell, server
from chaos_engine.docker_proxy.upstream import Upstream, UpstreamError
from chaos_engine.narration import Log
from chaos_engine.written import ConfigError


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line says. `listen`: HOST:PORT, or the path of a Unix socket."""

    listen: str
    socket: Path
    containers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    image: str = ""


def run(order: Order) -> int:
    """Until a signal."""
    log = log_of_environment()
    try:
        gate = gate_of(order, Upstream(order.socket))
        serving = server(listening(order.listen), gate, _tell(log))
    except (OSError, UpstreamError) as error:
        raise ConfigError([f"docker-proxy: {error}"]) from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=serving.shutdown).start())
    log.info(f"The Docker proxy listens on {order.listen}, in front of {order.socket}", kind="banner")
    serving.serve_forever(poll_interval=0.2)
    serving.server_close()
    return 0


def listening(text: str) -> Listening:
    """From `0.0.0.0:2375` or `/run/proxy.sock`. ConfigError: neither."""
    if text.startswith("/"):
        return Listening(path=Path(text))
    host, found, port = text.rpartition(":")
    if not found or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004
        raise ConfigError([f"--listen {text!r} is no address; allowed: HOST:PORT, or a path"])
    return Listening(host=host, port=int(port))


def gate_of(order: Order, upstream: Upstream) -> Gate:
    """With what the Engine says of ourselves. ConfigError: what is listed cannot be told apart."""
    own = own_id()
    mine: Mapping[str, Any] = _asked(upstream, f"/containers/{own}/json") if own else {}
    image = order.image or str(mine.get("Image") or IMAGE)
    ours = _asked(upstream, f"/images/{image}/json").get("Id")
    if not ours:
        raise ConfigError([f"--image: there is no image {image!r}; allowed: the helpers' one"])
    project = str(((mine.get("Config") or {}).get("Labels") or {}).get(PROJECT, ""))
    scope = Scope(
        names=frozenset(order.containers),
        services=frozenset(_services(order.services, project)),
        own=str(mine.get("Id", "")),
    )
    return Gate(upstream, scope, frozenset({ours}), works(), frozenset(order.networks))


def works() -> frozenset[str]:
    """The names of all work that a helper can do."""
    folder = Path(chaos_engine.__file__).parent / "helper"
    return frozenset(file.stem for file in folder.glob("*.py") if "class Task(" in file.read_text("utf-8"))


def _services(given: Iterable[str], own_project: str) -> Iterator[tuple[str, str]]:
    for text in given:
        project, found, service = text.rpartition("/")
        if not service or not (project if found else own_project):
            where = "" if found else ", and the proxy itself is in no Compose project"
            raise ConfigError([f"--service {text!r} is no service{where}; allowed: PROJECT/SERVICE"])
        yield project or own_project, service


def _asked(upstream: Upstream, path: str) -> Mapping[str, Any]:
    answer = upstream.ask("GET", path)
    return answer.data if answer.status == 200 else {}  # noqa: PLR2004


def _tell(log: Log) -> Tell:
    def tell(rule: str, request: str, text: str) -> None:
        log.warning(f"Refused ({rule}): {request}: {text}", kind="refused", rule=rule)

    return tell


def listed(variable: str) -> tuple[str, ...]:
    """What an environment variable lists, with commas between."""
    return tuple(each.strip() for each in os.environ.get(variable, "").split(",") if each.strip())
