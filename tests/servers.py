"""Real servers for tests: found, shared with the other test processes, or loudly missed."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from scripts.services.base import Unavailable
from scripts.services.sharing import shared


@contextmanager
def serving(service: ModuleType, name: str) -> Iterator[str]:
    """
    Give the URL of the real server that *service* of `scripts.services` starts.

    The environment's goes before; else one runs for all test processes together. In CI what it
    needs is installed. Where it cannot be had, the tests that ask for it are skipped by name.
    """
    if given := os.environ.get(service.VARIABLE):
        yield given
        return
    try:
        if os.environ.get("CI"):
            service.install()
        told = shared(service, name)
        environ = told.__enter__()
    except Unavailable as exc:
        start = f"python -m scripts.services up {name}"
        pytest.skip(f"{name.upper()} IS NOT TESTED: {exc}. Run: {start}")
    try:
        yield environ[service.VARIABLE]
    finally:
        told.__exit__(None, None, None)


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """Give the URL of a new database on the Postgres at *server*, which is gone afterwards."""
    name = f"test_{uuid4().hex[:16]}"
    asyncio.run(_told(server, f"CREATE DATABASE {name}"))
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        asyncio.run(_told(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _told(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
