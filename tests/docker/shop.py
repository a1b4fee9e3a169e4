"""The demo shop and its PostgreSQL to hurt, without an engine beside them; and customers of it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.docker.small import IMAGE, ROOT, Project, project
from tests.docker.stack import free_port

COMPOSE = """
services:
  shop:
    image: {image}
    restart: unless-stopped
    read_only: true
    tmpfs: [/tmp, /chaos]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    environment: {{DATABASE_URL: "postgresql://shop:shop@postgres:5432/shop", SHOP_ACCESS_LOG: "off"}}
    ports: ["127.0.0.1:{port}:8000"]
    stop_grace_period: 3s
    depends_on:
      postgres: {{condition: service_healthy}}
  postgres:
    image: postgres:17
    restart: unless-stopped
    environment: {{POSTGRES_USER: shop, POSTGRES_PASSWORD: shop, POSTGRES_DB: shop, LANG: C.UTF-8}}
    healthcheck:
      test: [CMD, pg_isready, --quiet, --host=127.0.0.1, --username=shop, --dbname=shop]
      interval: 1s
      timeout: 3s
      retries: 30
"""


@cache
def image() -> str:
    """The shop's image, built once a session."""
    tag = f"{IMAGE.partition(':')[0]}-shop:{IMAGE.partition(':')[2]}"
    command = ["docker", "build", "--quiet", "--target", "target-app", "--tag", tag, "."]
    subprocess.run(command, cwd=ROOT, check=True, timeout=420, capture_output=True)
    return tag


class Answers(list[int | None]):
    """Statuses; and how many seconds the slowest took."""

    slowest = 0.0


@dataclass(frozen=True, slots=True)
class Shop:
    """It is open. Its database is in an anonymous volume, as the image makes one."""

    project: Project
    port: int

    def ask(self, path: str = "/products", order: dict[str, int] | None = None) -> tuple[int | None, Any]:
        """What a customer sees: the status (None: the connection broke), and the body."""
        data = None if order is None else json.dumps(order).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, ValueError) as error:
            return None, repr(error)

    def order(self) -> int:
        """An order that was taken; its number."""
        status, body = self.ask("/orders", {"product_id": 1, "quantity": 1})
        assert status == 201, body
        return int(body["id"])

    def well(self, patience: float = 30.0) -> None:
        """Wait until it serves."""
        ends = time.monotonic() + patience
        while (answer := self.ask())[0] != 200:
            assert time.monotonic() < ends, answer
            time.sleep(0.1)

    def first_answer(self, patience: float = 30.0) -> tuple[int | None, Any]:
        """What it says as soon as it says anything."""
        ends = time.monotonic() + patience
        while (answer := self.ask())[0] is None:
            assert time.monotonic() < ends, answer
            time.sleep(0.1)
        return answer

    @contextmanager
    def customer(self) -> Iterator[Answers]:
        """Somebody who looks at the products again and again; what they got."""
        answers = Answers()
        left = threading.Event()

        def look() -> None:
            while not left.wait(0.02):
                began = time.monotonic()
                answers.append(self.ask()[0])
                answers.slowest = max(answers.slowest, time.monotonic() - began)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield answers
        finally:
            left.set()
            thread.join()


@contextmanager
def shop() -> Iterator[Shop]:
    """Open while the context lasts."""
    port = free_port()
    with project(COMPOSE.format(image=image(), port=port)) as made:
        open_ = Shop(made, port)
        open_.well()
        yield open_
