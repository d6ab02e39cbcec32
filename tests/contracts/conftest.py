"""Real servers for every backend's contract; where one cannot be had, its tests say so."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.services import ceph, mongo


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    Give the `s3://` URL of a bucket on a real server.

    The one that `python -m scripts.services up s3` started goes on; otherwise one runs for these
    tests. In CI what it needs is installed.
    """
    if given := os.environ.get(ceph.VARIABLE):
        yield given
        return
    folder: Path = tmp_path_factory.mktemp("s3")
    try:
        if os.environ.get("CI"):
            ceph.install()
        url = ceph.up(folder)[ceph.VARIABLE]
    except ceph.Unavailable as exc:
        pytest.skip(f"S3 IS NOT TESTED: {exc}. Run: python -m scripts.services up s3")
    yield url
    ceph.down(folder)


@pytest.fixture(scope="session")
def mongodb() -> Iterator[str]:
    """
    Give the URL of MongoDB: a real one's, where `PORTICO_TEST_MONGODB` names it.

    Otherwise that of a server of its wire protocol on mongomock: what queries mean is mongomock's.
    """
    if given := os.environ.get(mongo.VARIABLE):
        yield given
        return
    try:
        server, url = mongo.launched()
    except mongo.Unavailable as exc:
        again = "PORTICO_TEST_MONGODB=mongodb://… python -m pytest tests/contracts"
        pytest.skip(f"MONGODB IS NOT TESTED: {exc} Run: {again}")
    yield url
    server.terminate()
    server.wait(10)
