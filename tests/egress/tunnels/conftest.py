import pytest

from tests.egress.tunnels.engines import Engines, installed


@pytest.fixture
def anyio_backend() -> str:
    """The engines are processes of their own; our sockets have run on both loops elsewhere."""
    return "asyncio"


@pytest.fixture(scope="session")
def engines() -> Engines:
    return installed()
