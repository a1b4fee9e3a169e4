"""The shop's products and orders, on PostgreSQL or an SQLite file."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

DEFAULT_URL: Final = "sqlite:///./shop.db"
# What it means, in exceptions, that the database is away, or came back without its tables.
AWAY: Final = (OperationalError, InterfaceError, PoolTimeoutError, ProgrammingError)

_SEED_LOCK: Final = 7_240_611  # any number, as long as all workers take the same
_SEED: Final = (
    ("Espresso beans, 1 kg", 1890),
    ("Hand grinder", 5900),
    ("Moka pot", 3450),
    ("Milk jug", 1250),
    ("Paper filters, 100", 390),
    ("Kitchen scale", 2990),
)
_SEED_STOCK: Final = 1_000_000

_tables: Final = sa.MetaData()
_products: Final = sa.Table(
    "products",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("price_cents", sa.Integer, nullable=False),
    sa.Column("stock", sa.Integer, sa.CheckConstraint("stock >= 0"), nullable=False),
)
_orders: Final = sa.Table(
    "orders",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.ForeignKey("products.id"), nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("total_cents", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
)


class UnknownProductError(LookupError):
    """There is no such product."""


class OutOfStockError(Exception):
    """Fewer pieces are in stock than were ordered."""


class NameTakenError(Exception):
    """Another product has this name."""


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product that has no id yet."""

    name: str
    price_cents: int
    stock: int


Row = dict[str, Any]


class Database:
    """Every question the shop has; each method is one transaction, and may raise one of `AWAY`."""

    def __init__(self, url: str | None = None) -> None:
        self._engine = _engine(sa.make_url(url or os.environ.get("DATABASE_URL") or DEFAULT_URL))
        self._prepared = False
        self._preparing = Lock()

    def prepare(self) -> None:
        """Create the tables and the first products, once; others may be doing the same at this moment."""
        with self._preparing:
            if self._prepared:
                return
            with self._engine.begin() as connection:
                _let_one_in(connection)
                _tables.create_all(connection)
                _seed(connection)
            self._prepared = True

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def ping(self) -> None:
        """Ask the server for a sign of life."""
        with self._begin() as connection:
            connection.execute(sa.select(1))

    def products(self, limit: int) -> list[Row]:
        """The first products by id."""
        return self._rows(sa.select(_products).order_by(_products.c.id).limit(limit))

    def product(self, product_id: int) -> Row | None:
        """One product."""
        return next(iter(self._rows(sa.select(_products).where(_products.c.id == product_id))), None)

    def orders(self, limit: int) -> list[Row]:
        """The newest orders first."""
        return self._rows(sa.select(_orders).order_by(_orders.c.id.desc()).limit(limit))

    def order(self, order_id: int) -> Row | None:
        """One order."""
        return next(iter(self._rows(sa.select(_orders).where(_orders.c.id == order_id))), None)

    def add_product(self, product: NewProduct) -> Row:
        """Store a product."""
        statement = sa.insert(_products).values(**asdict(product)).returning(_products)
        try:
            with self._begin() as connection:
                return dict(connection.execute(statement).mappings().one())
        except sa.exc.IntegrityError as error:
            raise NameTakenError(product.name) from error

    def add_order(self, product_id: int, quantity: int) -> Row:
        """Take `quantity` pieces out of stock and store the order, or neither."""
        with self._begin() as connection:
            price = _take(connection, product_id, quantity)
            statement = sa.insert(_orders).values(
                product_id=product_id,
                quantity=quantity,
                total_cents=price * quantity,
                created_at=time.time(),
            )
            return dict(connection.execute(statement.returning(_orders)).mappings().one())

    def _rows(self, query: sa.Select[Any]) -> list[Row]:
        with self._begin() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        if not self._prepared:
            self.prepare()
        try:
            with self._engine.begin() as connection:
                yield connection
        except AWAY:
            # It may come back empty, say in a new container.
            self._prepared = False
            raise


def _take(connection: sa.Connection, product_id: int, quantity: int) -> int:
    """Lower the stock in one statement: two orders cannot both get the last piece. Returns the price."""
    statement = (
        sa.update(_products)
        .where(_products.c.id == product_id, _products.c.stock >= quantity)
        .values(stock=_products.c.stock - quantity)
        .returning(_products.c.price_cents)
    )
    price = connection.execute(statement).scalar()
    if price is not None:
        return int(price)
    known = connection.execute(sa.select(_products.c.id).where(_products.c.id == product_id)).scalar()
    raise UnknownProductError(product_id) if known is None else OutOfStockError(product_id)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": 5, "isolation_level": None})
        sa.event.listen(engine, "begin", _begin_as_writer)
        return engine
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=3,
        # A server that is paused or cut off counts as away after some seconds, not after minutes.
        connect_args={"connect_timeout": 2, "tcp_user_timeout": 3000, "options": "-c statement_timeout=5000"}
        | {"client_encoding": "utf8"},  # psycopg gives bytes where a server has no encoding of its own
    )


def _begin_as_writer(connection: sa.Connection) -> None:
    # A reader that becomes a writer in mid-transaction fails at once while another writes; this waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _let_one_in(connection: sa.Connection) -> None:
    """Until the transaction's end; on SQLite, its beginning did that."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SEED_LOCK)))


def _seed(connection: sa.Connection) -> None:
    if connection.execute(sa.select(_products.c.id).limit(1)).scalar() is None:
        rows = [asdict(NewProduct(name, price, _SEED_STOCK)) for name, price in _SEED]
        connection.execute(sa.insert(_products), rows)
