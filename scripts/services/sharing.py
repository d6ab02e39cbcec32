"""One server for all test processes: the first starts it, the last ends it, a crash leaves none."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

FOLDER = Path(__file__).resolve().parents[2] / ".services"


def folder() -> Path:
    """Return where services keep what they hold; made if need be."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    return FOLDER


def keep(name: str) -> None:
    """Let the service *name* go on when the tests that started it have ended."""
    (FOLDER / f"{name}.tests").unlink(missing_ok=True)


@contextmanager
def shared(service: ModuleType, name: str) -> Iterator[dict[str, str]]:
    """
    Serve *service* while anybody is in this block, in whichever process.

    What `python -m scripts.services up` started is used, and goes on afterwards. Who uses it holds
    a lock that the kernel takes back from a process that dies.

    Raises:
        Unavailable: it cannot be had here.
    """
    place = folder() / name
    ours = FOLDER / f"{name}.tests"  # there if tests started it, and so have to end it
    with open(FOLDER / f"{name}.lock", "w") as door, open(FOLDER / f"{name}.users", "w") as users:
        with _locked(door):
            before = (place / "serving.json").exists()
            environ = service.up(place)
            if not before:
                ours.touch()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield environ
        finally:
            with _locked(door):
                if _alone(users) and ours.exists():
                    service.down(place)
                    keep(name)


@contextmanager
def _locked(door: IO[str]) -> Iterator[None]:
    fcntl.flock(door, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(door, fcntl.LOCK_UN)


def _alone(users: IO[str]) -> bool:
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
