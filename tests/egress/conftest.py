import ssl
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "certificates"  # the tests' own; protects nothing


@pytest.fixture(
    params=[("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Everything that touches a socket runs on both loops."""
    return request.param


@pytest.fixture(scope="session")
def trust() -> Path:
    return HERE / "certificate.pem"


@pytest.fixture(scope="session")
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "certificate.pem", HERE / "key.pem")
    return context
