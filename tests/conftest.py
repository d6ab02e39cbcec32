"""What every test may ask for."""

import os

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: time belongs in benchmarks. CI looks at the same examples each
# time, so that a red run is about the change; anywhere else new ones are tried.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("any"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "any")


@pytest.fixture
def anyio_backend() -> str:
    """Our sockets are asyncio's, so are our tests."""
    return "asyncio"
