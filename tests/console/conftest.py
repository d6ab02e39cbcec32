"""The browser and the gateway that all tests of the console's pages share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.painting import CHROMIUM, browsing
from playwright.sync_api import Browser

from tests.console.browsing import MISSING, Lived, living

BARE = {"upstreams": {name: {"api_key": ""} for name in ("google", "siliconflow", "deepseek")}}


@pytest.fixture(scope="module")  # its loop runs in this thread: others cannot have theirs meanwhile
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(MISSING)
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder: Path = tmp_path_factory.mktemp("lived")
    with living(folder, **BARE) as opened:
        yield opened
