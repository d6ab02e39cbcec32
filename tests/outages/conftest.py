"""The servers of the outage matrix: each real, or its tests say that it is missing."""

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
    """Give the URL of MongoDB, or of what stands in for it."""
    with serving(mongo, "mongodb") as url:
        yield url
