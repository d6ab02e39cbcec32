from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.egress.tunnels.engines import installed
from tests.leaks.houses import House, NoHouses, prepare
from tests.leaks.lab import Lab


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine on which houses can be built."""
    folder = tmp_path_factory.mktemp("leaks")
    try:
        prepare(folder)
    except NoHouses as reason:
        pytest.skip(f"NO LEAK HARNESS, NOTHING IS PROVEN HERE: {reason}")
    return folder


@pytest.fixture(scope="session")
def lab(ground: Path) -> Iterator[Lab]:
    """The whole town, once; each test leaves it as it was."""
    here = Lab(ground, installed())
    try:
        yield here
    finally:
        here.tear_down()


@pytest.fixture
def house(ground: Path, tmp_path: Path) -> Iterator[House]:
    """A house with nothing around it."""
    here = House("alone", tmp_path)
    try:
        yield here
    finally:
        here.tear_down()
