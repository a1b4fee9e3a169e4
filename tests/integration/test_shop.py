"""The demo shop: in process on SQLite, then as `python -m target_app` with traffic on it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from target_app.database import AWAY, Database
from target_app.failure_state import FailureStateReader
from target_app.metrics import RequestMetrics
from target_app.middleware import CRASH_EXIT_CODE
from target_app.shop import ROUTES, create_app


def put(path: Path, mode: str, delay: float = 0) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(
        json.dumps({"mode": mode, "delay": delay, "timestamp": time.time(), "heals_on": "never"})
    )
    fresh.replace(path)
    time.sleep(0.02)


def samples(exposition: str, name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric by their label values, in the order of the label names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == name
    }


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """The app in this process, in a thread, behind a client."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "failure_state.json"


@pytest.fixture
def app(tmp_path: Path, state_file: Path) -> FastAPI:
    reader = FailureStateReader(state_file)
    return create_app(Database(f"sqlite:///{tmp_path}/shop.db"), reader, log=False)


@pytest.fixture
def shop(app: FastAPI) -> Iterator[httpx.Client]:
    with serving(app) as client:
        yield client


def requests_total(shop: httpx.Client) -> dict[tuple[str, ...], float]:
    return samples(shop.get("/metrics").text, "http_requests_total")


# --- products and orders --------------------------------------------------------------------------------


def test_it_opens_with_products(shop: httpx.Client) -> None:
    products = shop.get("/products").json()
    assert len(products) == 6
    assert shop.get(f"/products/{products[2]['id']}").json() == products[2]
    assert shop.get("/products", params={"limit": 2}).json() == products[:2]


def test_a_product_is_added_once(shop: httpx.Client) -> None:
    tea = {"name": "Tea", "price_cents": 500, "stock": 3}
    added = shop.post("/products", json=tea)
    assert added.status_code == 201
    assert shop.get(f"/products/{added.json()['id']}").json() == added.json() == {**tea, "id": 7}
    assert shop.post("/products", json=tea).status_code == 409


def test_an_order_takes_from_the_stock(shop: httpx.Client) -> None:
    tea = shop.post("/products", json={"name": "Tea", "price_cents": 500, "stock": 3}).json()["id"]
    order = shop.post("/orders", json={"product_id": tea, "quantity": 2})
    assert order.status_code == 201
    assert order.json()["total_cents"] == 1000
    assert shop.get(f"/orders/{order.json()['id']}").json() == order.json() == shop.get("/orders").json()[0]
    assert shop.get(f"/products/{tea}").json()["stock"] == 1
    assert shop.post("/orders", json={"product_id": tea, "quantity": 2}).status_code == 409
    assert shop.get(f"/products/{tea}").json()["stock"] == 1
    assert len(shop.get("/orders").json()) == 1


def test_the_last_piece_is_sold_once(shop: httpx.Client) -> None:
    tea = shop.post("/products", json={"name": "Tea", "price_cents": 500, "stock": 5}).json()["id"]

    def buy(_: int) -> httpx.Response:
        return shop.post("/orders", json={"product_id": tea, "quantity": 1})

    with ThreadPoolExecutor(8) as buyers:
        answers = list(buyers.map(buy, range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    assert shop.get(f"/products/{tea}").json()["stock"] == 0


def test_what_does_not_exist_is_404(shop: httpx.Client) -> None:
    for url in ("/products/99", "/products/0", f"/products/{10**30}", "/orders/99", "/nothing"):
        assert shop.get(url).status_code == 404, url
    assert shop.post("/orders", json={"product_id": 99, "quantity": 1}).status_code == 404


@pytest.mark.parametrize(
    "order", [{}, {"product_id": 1}, {"product_id": 1, "quantity": 0}, {"product_id": "x", "quantity": 1}]
)
def test_a_senseless_order_is_422(shop: httpx.Client, order: dict[str, Any]) -> None:
    assert shop.post("/orders", json=order).status_code == 422


def test_a_senseless_product_is_422(shop: httpx.Client) -> None:
    for name, price in (("", 1), ("Tea", -1), ("T\0a", 1), ("Tea", 2**40)):
        product = {"name": name, "price_cents": price, "stock": 1}
        assert shop.post("/products", json=product).status_code == 422, product
    assert shop.get("/products/x").status_code == 422


# --- the database ---------------------------------------------------------------------------------------


def test_seeding_is_done_once_however_many_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    databases = [Database(url) for _ in range(6)]
    together = threading.Barrier(len(databases))

    def start(database: Database) -> None:
        together.wait()
        database.prepare()

    with ThreadPoolExecutor(len(databases)) as starters:
        list(starters.map(start, databases))
    assert [len(database.products(100)) for database in databases] == [6] * 6
    for database in databases:
        database.close()


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/shop.db", "postgresql://shop:secret@127.0.0.1:1/shop"]
)
def test_without_a_database_it_answers_503_and_no_traceback(url: str, state_file: Path) -> None:
    app = create_app(Database(url), FailureStateReader(state_file), log=False)
    with serving(app) as shop:
        for path in ("/products", "/products/1", "/orders", "/health"):
            answer = shop.get(path)
            assert (answer.status_code, answer.text) == (503, "database unavailable"), path
        assert requests_total(shop)["GET", "/products", "503"] == 1


def test_it_recovers_when_the_database_comes_and_goes(tmp_path: Path, state_file: Path) -> None:
    folder = tmp_path / "data"
    app = create_app(Database(f"sqlite:///{folder}/shop.db"), FailureStateReader(state_file), log=False)
    with serving(app) as shop:
        assert shop.get("/health").status_code == 503
        folder.mkdir()
        assert shop.get("/health").status_code == 200
        assert len(shop.get("/products").json()) == 6


def test_a_database_that_comes_back_empty_is_filled_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/shop.db")
    assert len(database.products(100)) == 6
    database.close()
    (tmp_path / "shop.db").unlink()
    with pytest.raises(AWAY):
        database.products(100)
    assert len(database.products(100)) == 6
    database.close()


# --- what it tells --------------------------------------------------------------------------------------


def test_known_routes_start_at_zero() -> None:
    exposition = RequestMetrics(ROUTES).exposition().decode()
    counts = samples(exposition, "http_requests_total")
    for method, route in ROUTES:
        assert counts[method, route, "200"] == counts[method, route, "500"] == 0
    assert samples(exposition, "http_request_duration_seconds_count")[("/products/{product_id}",)] == 0


def test_the_known_routes_are_the_apps(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(ROUTES)


def test_requests_are_counted_by_template(shop: httpx.Client) -> None:
    for url in ("/products/1", "/products/2", "/products/99", "/what/ever", "/what/else"):
        shop.get(url)
    shop.request("BREW", "/products")
    counts = requests_total(shop)
    assert counts["GET", "/products/{product_id}", "200"] == 2
    assert counts["GET", "/products/{product_id}", "404"] == 1
    assert counts["GET", "unknown", "404"] == 2
    assert counts["unknown", "/products", "405"] == 1


def test_hurt_requests_are_counted_and_timed(shop: httpx.Client, state_file: Path) -> None:
    put(state_file, "config_error")
    assert shop.get("/products/1").status_code == 500
    put(state_file, "slow", 0.3)
    assert shop.get("/orders").status_code == 200
    assert requests_total(shop)["GET", "/products/{product_id}", "500"] == 1
    seconds = samples(shop.get("/metrics").text, "http_request_duration_seconds_sum")
    assert seconds[("/orders",)] >= 0.3


def test_a_bug_counts_as_500(app: FastAPI) -> None:
    @app.get("/bug")
    def bug() -> None:
        raise RuntimeError

    with serving(app) as shop:
        assert shop.get("/bug", headers={"Connection": "close"}).text == "Internal Server Error"
        assert requests_total(shop)["GET", "unknown", "500"] == 1


# --- as a process ---------------------------------------------------------------------------------------


@contextmanager
def running(folder: Path, *options: str, **env: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`python -m target_app`; its log goes to `shop.log`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    command = [sys.executable, "-m", "target_app", "--port", port, *options]
    where = {
        "DATABASE_URL": f"sqlite:///{folder}/shop.db",
        "FAILURE_STATE_FILE": str(folder / "failure_state.json"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TMPDIR": str(folder),
    }
    with (folder / "shop.log").open("w") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **where, **env}, stdout=log, text=True, cwd=folder
        )
    family: list[psutil.Process] = []
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        family = psutil.Process(server.pid).children(recursive=True)
        yield server, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)
        psutil.wait_procs(family, timeout=10)


def wait_for(url: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            assert httpx.get(url).status_code == 200
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def test_it_logs_one_line_of_json_a_request(tmp_path: Path) -> None:
    with running(tmp_path) as (_, url):
        httpx.get(f"{url}/products/2")
    lines = [json.loads(line) for line in (tmp_path / "shop.log").read_text().splitlines()]
    last = lines[-1]
    assert (last["route"], last["path"], last["status"]) == ("/products/{product_id}", "/products/2", 200)


def test_the_log_can_be_off(tmp_path: Path) -> None:
    with running(tmp_path, SHOP_ACCESS_LOG="off") as (_, url):
        httpx.get(f"{url}/products")
    assert not (tmp_path / "shop.log").read_text()


def test_a_crash_ends_it(tmp_path: Path) -> None:
    with running(tmp_path) as (server, url):
        put(tmp_path / "failure_state.json", "crash")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/products")
        assert server.wait(10) == CRASH_EXIT_CODE


def test_two_workers_count_together_and_crash_together(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2") as (server, url):
        for _ in range(20):
            assert len(httpx.get(f"{url}/products").json()) == 6
        counts = samples(httpx.get(f"{url}/metrics").text, "http_requests_total")
        assert counts["GET", "/products", "200"] == 20
        put(tmp_path / "failure_state.json", "crash")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/products")
        assert server.wait(10) == -signal.SIGKILL


def traffic(url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "target_app.traffic", url, "--rate", "50", "--seed", "1"]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root)


def ended(generator: "subprocess.Popen[str]", number: signal.Signals) -> str:
    generator.send_signal(number)
    output, _ = generator.communicate(timeout=10)
    assert generator.returncode == 0, output
    return output


def test_traffic_reaches_each_route(tmp_path: Path) -> None:
    with running(tmp_path) as (_, url):
        generator = traffic(url)
        time.sleep(2)
        summary = ended(generator, signal.SIGTERM)
        counts = samples(httpx.get(f"{url}/metrics").text, "http_requests_total")
    assert "requests" in summary
    assert "no answer" not in summary
    assert counts["GET", "/products", "200"] > counts["GET", "/products/{product_id}", "200"] > 0
    assert counts["POST", "/orders", "201"] > 0


def test_traffic_is_not_held_back_by_slow_answers(tmp_path: Path) -> None:
    state_file = tmp_path / "failure_state.json"
    with running(tmp_path) as (_, url):
        put(state_file, "slow", 60)
        generator = traffic(url)
        time.sleep(2)
        state_file.unlink()
        time.sleep(0.5)
        ended(generator, signal.SIGINT)
        counts = samples(httpx.get(f"{url}/metrics").text, "http_requests_total")
    assert counts["GET", "/products", "200"] > 10


def test_traffic_survives_a_target_that_is_away() -> None:
    generator = traffic("http://127.0.0.1:1")
    time.sleep(1.5)
    assert generator.poll() is None
    assert "no answer" in ended(generator, signal.SIGTERM)
