"""What every test may ask for."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Our sockets are asyncio's, so are our tests."""
    return "asyncio"
