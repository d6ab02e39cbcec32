"""Real servers for every backend's contract; where one cannot be had, its tests say so."""

from collections.abc import Iterator

import pytest
from scripts.services import ceph, mongo

from tests.servers import serving


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Give the `s3://` URL of a bucket on a real server."""
    with serving(ceph, "s3") as url:
        yield url


@pytest.fixture(scope="session")
def mongodb() -> Iterator[str]:
    """
    Give the URL of MongoDB: a real one's, where `PORTICO_TEST_MONGODB` names it.

    Otherwise that of a server of its wire protocol on mongomock: what queries mean is mongomock's.
    """
    with serving(mongo, "mongodb") as url:
        yield url
