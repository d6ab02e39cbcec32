"""
What the tests execute: every branch in the tests of the hot rooms, lines in all others.

Tracing branches costs as much as the tests themselves, lines cost next to nothing. A process traces
branches first; with the first test of another place it goes over to lines. `make test` loads this
with `-p tests.measuring`, and `scripts/coverage_gates.py` reads what it writes.
"""

import os

import pytest
from coverage import Coverage

from tests.sharing_out import BRANCHES

CORES = {"branches": "ctrace", "lines": "sysmon"}
"""What measures each: `sys.monitoring` of Python 3.12 knows lines only."""

EXPECTED = ["already-imported", "module-not-measured", "no-data-collected"]
"""Of the second: what is imported was measured by the first, and a small run leaves it nothing."""


class Measuring:
    """Measures one process, and leaves `.coverage.branches.*` and `.coverage.lines.*`."""

    def __init__(self) -> None:
        self._coverage = _started("branches")
        self._branches = True

    def end(self) -> None:
        """Write down what was measured."""
        self._coverage.stop()
        self._coverage.save()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        if self._branches and not item.nodeid.startswith(BRANCHES):
            self.end()
            self._coverage, self._branches = _started("lines"), False

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self.end()


def _started(what: str) -> Coverage:
    suffix = f"{what}.{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    coverage = Coverage(data_suffix=suffix, branch=what == "branches")
    coverage.set_option("run:core", CORES[what])
    coverage.set_option("run:disable_warnings", EXPECTED)
    coverage.start()
    return coverage


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin before anything of ours is imported, in each process that runs tests."""
    if "PYTEST_XDIST_WORKER" in os.environ or not early_config.known_args_namespace.numprocesses:
        early_config.pluginmanager.register(Measuring(), "measuring")
