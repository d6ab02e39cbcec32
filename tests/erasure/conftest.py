"""Real servers for what is erased from them."""

from collections.abc import Iterator

import pytest
from scripts.services import ceph

from tests.servers import serving


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Give the `s3://` URL of a bucket on a real server."""
    with serving(ceph, "s3") as url:
        yield url
