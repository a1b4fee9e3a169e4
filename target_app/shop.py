"""The demo shop: products and orders behind the failure-state middleware."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Final

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware import Middleware
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from target_app.database import (
    AWAY,
    Database,
    NameTakenError,
    NewProduct,
    OutOfStockError,
    Row,
    UnknownProductError,
)
from target_app.failure_state import FailureStateReader
from target_app.metrics import ObserveRequests, Record, RequestMetrics, Route, access_log
from target_app.middleware import FailureStateMiddleware

ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/products"),
    ("POST", "/products"),
    ("GET", "/products/{product_id}"),
    ("GET", "/orders"),
    ("POST", "/orders"),
    ("GET", "/orders/{order_id}"),
    ("GET", "/health"),
    ("GET", "/metrics"),
)

_LARGEST: Final = 2**31 - 1
Limit = Annotated[int, Query(ge=1, le=200)]


class ProductIn(BaseModel):
    """A product to be sold."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    price_cents: int = Field(ge=0, le=_LARGEST)
    stock: int = Field(ge=0, le=_LARGEST)


class Product(ProductIn):
    """A product on sale."""

    id: int


class OrderIn(BaseModel):
    """So many pieces of one product."""

    product_id: int = Field(ge=1, le=_LARGEST)
    quantity: int = Field(ge=1, le=1000)


class Order(OrderIn):
    """An order that was taken, at `created_at` in unix seconds."""

    id: int
    total_cents: int
    created_at: float


def create_app(
    database: Database | None = None,
    reader: FailureStateReader | None = None,
    *,
    log: bool | None = None,
) -> FastAPI:
    """The shop; what is not given comes from DATABASE_URL, FAILURE_STATE_FILE and SHOP_ACCESS_LOG."""
    metrics = RequestMetrics(ROUTES)
    app = FastAPI(
        title="Demo shop",
        lifespan=_lifespan,
        # The first is the outermost: hurt requests are counted and timed.
        middleware=[
            Middleware(ObserveRequests, routes=ROUTES, record=_records(metrics, log=log)),
            Middleware(FailureStateMiddleware, reader_or_path=reader),
        ],
    )
    app.state.database = database or Database()
    app.state.metrics = metrics
    for kind in AWAY:
        app.add_exception_handler(kind, _database_away)
    _add_routes(app, app.state.database, metrics)
    return app


def _records(metrics: RequestMetrics, *, log: bool | None) -> list[Record]:
    wanted = os.environ.get("SHOP_ACCESS_LOG", "on").lower() != "off" if log is None else log
    return [metrics.record, access_log()] if wanted else [metrics.record]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    # Without its database the shop starts all the same, and says 503 until it is there.
    with suppress(*AWAY):
        await run_in_threadpool(database.prepare)
    yield
    database.close()


async def _database_away(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("database unavailable", status_code=503)


def _add_routes(app: FastAPI, database: Database, metrics: RequestMetrics) -> None:
    _add_upkeep(app, database, metrics)
    _add_products(app, database)
    _add_orders(app, database)


def _add_upkeep(app: FastAPI, database: Database, metrics: RequestMetrics) -> None:
    @app.get("/health")
    def health() -> dict[str, str]:
        database.ping()
        return {"status": "ok"}

    @app.get("/metrics")
    def scrape() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_products(app: FastAPI, database: Database) -> None:
    @app.get("/products", response_model=list[Product])
    def list_products(limit: Limit = 50) -> list[Row]:
        return database.products(limit)

    @app.get("/products/{product_id}", response_model=Product)
    def get_product(product_id: int) -> Row:
        return _found(database.product(product_id) if 0 < product_id <= _LARGEST else None, "product")

    @app.post("/products", response_model=Product, status_code=201)
    def create_product(product: ProductIn) -> Row:
        try:
            return database.add_product(NewProduct(**product.model_dump()))
        except NameTakenError:
            raise HTTPException(409, "a product of this name exists") from None


def _add_orders(app: FastAPI, database: Database) -> None:
    @app.get("/orders", response_model=list[Order])
    def list_orders(limit: Limit = 50) -> list[Row]:
        return database.orders(limit)

    @app.get("/orders/{order_id}", response_model=Order)
    def get_order(order_id: int) -> Row:
        return _found(database.order(order_id) if 0 < order_id <= _LARGEST else None, "order")

    @app.post("/orders", response_model=Order, status_code=201)
    def create_order(order: OrderIn) -> Row:
        try:
            return database.add_order(order.product_id, order.quantity)
        except UnknownProductError:
            raise HTTPException(404, "no such product") from None
        except OutOfStockError:
            raise HTTPException(409, "not enough in stock") from None


def _found(row: Row | None, what: str) -> Row:
    if row is None:
        raise HTTPException(404, f"no such {what}")
    return row
