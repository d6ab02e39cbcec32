"""Which tests come first, and which stay with one worker when several share the suite."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/leaks/", "tests/webui/")
"""Folders whose files share what is built once, and dearly."""

BRANCHES = (
    "tests/access/",
    "tests/api/",
    "tests/console/test_screens.py",
    "tests/contracts/",
    "tests/dispatch/",
    "tests/e2e/",
    "tests/erasure/",
    "tests/routing/",
    "tests/shared/",
    "tests/upstreams/test_faults",
)
"""Tests by which every branch of the hot rooms is executed; `tests/measuring.py` traces them."""

LONG = (
    "tests/chaos/",
    "tests/outages/test_matrix.py",
    "tests/console/test_browser.py",
    "tests/leaks/",
    "tests/vision/test_screens.py",
    "tests/e2e/test_streams.py",
)
"""What takes a minute or so begins, so that no worker is left alone with it at the end."""


def turn(nodeid: str) -> tuple[bool, bool]:
    """Return when the test *nodeid* has its turn: least first, all others in their order."""
    return not nodeid.startswith(BRANCHES), not nodeid.startswith(LONG)


def place(nodeid: str) -> str:
    """Return what stays together with the test *nodeid*: its file, or its folder."""
    return next((one for one in TOGETHER if nodeid.startswith(one)), nodeid.split("::")[0])


class ByPlace(LoadScopeScheduling):
    """A file stays with one worker, and has its module's fixtures once."""

    def _split_scope(self, nodeid: str) -> str:
        return place(nodeid)
