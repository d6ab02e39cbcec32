"""The ASGI application: routes, middleware, exception handlers, lifespan. No decisions."""

import asyncio
import ctypes
import errno
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from inspect import markcoroutinefunction
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from portico import __version__
from portico.api import (
    artifacts,
    cache,
    catalog,
    design,
    egress,
    embeddings,
    feedback,
    health,
    keys,
    openapi,
    operator,
    people,
    problems,
    search,
    streams,
    targets,
    traces,
)
from portico.api.chat import Chat
from portico.api.deps import Lobby, Serving
from portico.api.front import Front
from portico.api.leaving import DrainingServer
from portico.artifacts.room import large_blocks
from portico.settings import Settings, load_settings
from portico.telemetry.logs import configure
from portico.wiring import carried, open_serving, read_tunnels
from portico.workers import leaving, serve_together

CHAT = "/v1/chat/completions"
CONSOLE = "/console/"

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

# How worker processes learn them.
_CONFIG, _HOST, _WITH_TUNNEL = "PORTICO_CONFIG", "PORTICO_LISTEN", "PORTICO_WITH_TUNNEL"


SWITCH = 0.0005
"""Seconds for which a thread that works on a picture may keep the loop waiting for its turn."""


class Console:
    """The console, imported when somebody first looks at it: most gateways serve nobody's pages."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's promise."""
        if self._app is None:
            self._app = await asyncio.to_thread(self._opened)
        await self._app(scope, receive, send)

    def _opened(self) -> ASGIApp:
        from portico.console.room import create_console

        return create_console(self._lobby)


class Portico(FastAPI):
    """FastAPI, but for chats, which go straight to their endpoint, and for the console's pages."""

    chat: Chat
    console: Console

    @markcoroutinefunction  # it hands on what is awaited: one function less on every stack
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """ASGI's promise."""
        if scope["type"] == "http" and scope["path"] == CHAT:
            return self.chat(scope, receive, send)
        if scope["type"] == "http" and (scope["path"] + "/").startswith(CONSOLE):
            return self.console(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # as RFC 9110 has it; uvicorn leaves the body out
        return super().__call__(scope, receive, send)


def create_app(opening: Callable[[], AbstractAsyncContextManager[Serving]]) -> FastAPI:
    """Return the application over whatever *opening* opens, and closes with the lifespan."""
    lobby = Lobby()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening() as serving, reloading(serving):
            lobby.enter(serving)
            yield
            lobby.enter(None)

    app = Portico(title="Portico", version=__version__, lifespan=lifespan, redoc_url=None)
    app.chat, app.console, app.state.lobby = Chat(lobby), Console(lobby), lobby
    for room in (
        *(catalog, embeddings, artifacts, design, search, streams, feedback),
        *(targets, operator, egress, traces, cache, health, keys, people),
    ):
        app.router.routes += room.router.routes  # including makes them all again
    app.router.routes += artifacts.operator.routes
    problems.install(app)
    openapi.install(app)
    return app


@asynccontextmanager
async def reloading(serving: Serving) -> AsyncIterator[None]:
    """Replace the catalog at SIGHUP, where this process may take signals."""
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[object]]()

    def reload() -> None:
        task: asyncio.Task[object] = asyncio.ensure_future(serving.reload())
        running.add(task)
        task.add_done_callback(running.discard)

    with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread
        loop.add_signal_handler(signal.SIGHUP, reload)
    yield


def home(environ: Mapping[str, str]) -> Path:
    """Return where the embedded stores are."""
    return Path(environ.get("PORTICO_HOME") or ".portico")


def make_home(place: Path) -> None:
    """Make the folder of what this installation keeps; raises OSError where it cannot be used."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as exc:
        told = (
            f"cannot be written: {exc.strerror} (set PORTICO_HOME to a folder that this user owns)"
        )
        raise OSError(exc.errno, told, str(place)) from None


def exposed(host: str) -> bool:
    """Return True where others than this machine can reach *host*."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def application() -> FastAPI:
    """Return what a worker process serves, from the environment."""
    environ = os.environ
    path = Path(environ[_CONFIG]) if environ.get(_CONFIG) else None
    load = partial(loaded, path, environ)
    settings = load()
    configure(settings.telemetry.log, settings.telemetry.format, sys.stderr)
    outside = exposed(environ.get(_HOST, "127.0.0.1"))

    @asynccontextmanager
    async def opening() -> AsyncIterator[Serving]:
        opened = open_serving(load, home(environ), exposed=outside)
        async with settled(opened) as serving, leaving(app.state.lobby, settings.server.drain):
            yield serving

    app = create_app(opening)
    return app


@asynccontextmanager
async def settled(opening: AbstractAsyncContextManager[Serving]) -> AsyncIterator[Serving]:
    """
    Open *opening*, and let the collector of garbage take what is there then for granted.

    Decision 004 has the measurements. For a process that does nothing but serve.
    """
    async with opening as serving:
        keep_freed_memory()
        gc.collect()
        gc.freeze()
        gc.set_threshold(25_000, 10, 10)
        sys.setswitchinterval(SWITCH)
        yield serving


def keep_freed_memory() -> None:
    """
    Keep up to 64 MB for the next large bodies, instead of giving every one's pages back at once.

    What takes more than 16 MB comes from the system, which has it empty: a 4K screen's pixels
    would be written over with zeros here, by a thread that holds the interpreter meanwhile. Only
    glibc can be told so; elsewhere this does nothing. Decision 004 again.
    """
    with suppress(OSError, AttributeError):
        tell = ctypes.CDLL(None).mallopt  # its parameters are in glibc's malloc.h
        tell(_TRIM_THRESHOLD, 64 << 20)
        tell(_MMAP_THRESHOLD, 16 << 20)
    large_blocks()


def loaded(path: Path | None, environ: Mapping[str, str], *, with_tunnel: bool = False) -> Settings:
    """Return the settings; with a tunnel of our own, its file is where `egress import` puts it."""
    settings = load_settings(path, environ)
    if with_tunnel or environ.get(_WITH_TUNNEL):
        return carried(settings, home(environ) / "tunnels.yaml")
    return settings


def serve(
    config: Path | None, *, host: str, port: int, workers: int, with_tunnel: bool = False
) -> None:
    """
    Serve until interrupted; *with_tunnel*, our own engine carries every tunnelled path.

    Raises:
        ConfigError: the configuration, or a file of tunnels that it names, contradicts itself.
        OSError: the folder of the embedded stores cannot be written.
    """
    os.environ[_HOST] = host
    os.environ[_WITH_TUNNEL] = "1" if with_tunnel else ""
    settings = loaded(config, os.environ)
    read_tunnels(settings)  # here a fault is a sentence
    make_home(home(os.environ))
    if config is not None:
        os.environ[_CONFIG] = str(config)
    print(banner(settings, host, port), file=sys.stderr, flush=True)  # noqa: T201 - for a person
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "loop": "uvloop",
        "http": Front,
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,  # nothing here goes by where a request says it is from
        "server_header": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": int(settings.server.drain),
    }
    if workers > 1:
        serve_together("portico.app:application", workers, given)
        return
    app = application()
    server = DrainingServer(uvicorn.Config(app, **given), app.state.lobby, settings.server.drain)
    server.run()
    if not server.started:
        raise SystemExit(3)  # uvicorn has said why


def banner(settings: Settings, host: str, port: int) -> str:
    """Return what a person wants to know first: where, and what is not real."""
    name = f"[{host}]" if ":" in host else host
    lines = [
        f"Portico {__version__}: http://{name}:{port}/v1 (models: /v1/models, docs: /docs)",
        f"  console: http://{name}:{port}/console",
    ]
    for upstream, given in settings.upstreams.items():
        if given.simulated:
            lines.append(f"  {upstream}: SIMULATED, because it has no key: its answers are made up")
        else:
            lines.append(f"  {upstream}: {given.address or given.provider} by {given.egress}")
    return "\n".join(lines)
