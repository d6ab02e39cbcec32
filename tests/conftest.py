"""What every test may ask for."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from scripts.services import mongo, postgres, valkey

from tests.servers import empty_database, serving
from tests.sharing_out import ByPlace, turn

# A busy machine is no failure: time belongs in benchmarks. CI looks at the same examples each
# time, so that a red run is about the change; anywhere else new ones are tried.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("any"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "any")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    """Several workers: xdist's own groups are not heeded with this pytest."""
    return ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is measured with branches comes first, and within that what takes long."""
    items.sort(key=lambda item: turn(item.nodeid))


@pytest.fixture
def anyio_backend() -> str:
    """Our sockets are asyncio's, so are our tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Give the URL of a real Postgres, its superuser's; every test has its own `database`."""
    with serving(postgres, "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """Give the URL of a real Valkey; every test empties a database of its own."""
    with serving(valkey, "valkey") as url:
        yield url


@pytest.fixture
def database(postgres_server: str) -> Iterator[str]:
    """Give the `postgresql://` URL of an empty database of one's own."""
    with empty_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def mongodb() -> Iterator[str]:
    """
    Give the URL of MongoDB: a real one's, where `PORTICO_TEST_MONGODB` names it.

    Otherwise that of a server of its wire protocol on mongomock: what queries mean is mongomock's.
    """
    with serving(mongo, "mongodb") as url:
        yield url
