"""
An engine of the gateway's own: started, watched, started again when it dies, ended with us.

It is a child without an environment but PATH, in a session of its own: who interrupts the gateway
at a terminal lets its requests end. While it is away nobody listens where its path leads to.
"""

import asyncio
import logging
import re
import secrets
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from portico.egress.programs import NoEngine, Places, Program
from portico.egress.tunnels.engines import render
from portico.egress.tunnels.inlets import Inlet, Listeners, vias
from portico.egress.tunnels.store import load
from portico.egress.tunnels.values import secrets_of

log = logging.getLogger(__name__)

LONGEST = 500
"""Characters of an engine's line that are logged."""

CLOSED = "the egress path %s is closed, and its traffic takes no other way: %s"

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Pace:
    """
    Seconds. An engine has `start` to listen; one that dies is started again after `pause`, which
    doubles up to `longest`, and begins anew once the engine has listened for that long.
    """

    start: float = 15.0
    pause: float = 0.2
    longest: float = 30.0
    farewell: float = 5.0


class NotStarted(Exception):
    """An engine did not come to listen; says how it ended."""


class Engine:
    """
    One path's engine for the tunnels `given`, which `run` keeps alive.

    `vias` lead to its tunnels, in their order, whether it runs or not: to listeners that nobody
    else knows the password of. `pid` is that of the process that listens, None while none does.
    """

    def __init__(self, path: str, inlets: tuple[Inlet, ...], places: Places, folder: Path) -> None:
        self.path = path
        self.given = inlets
        self.pid: int | None = None
        self.tried = asyncio.Event()
        """Set once the first start has succeeded or failed."""
        self._listeners, self._inlets = _placed(inlets)
        self.vias = vias(self._inlets, self._listeners)
        self._places = places
        self._folder = folder
        self._hidden = _hiding(self._inlets, self._listeners)

    async def run(self, pace: Pace) -> None:
        """Start the engine, and start it again, until cancelled; it is gone then."""
        pause, last = pace.pause, ""
        try:
            while True:
                try:
                    lived = await self._life(pace)
                    told, last = "its engine ended", ""
                except (NoEngine, NotStarted, OSError) as error:
                    lived, told = 0.0, str(error)
                if told != last:  # what stays as it is is told once
                    log.error(CLOSED, self.path, told)
                    last = told
                self.tried.set()
                pause = pace.pause if lived > pace.longest else pause
                await asyncio.sleep(pause)
                pause = min(2 * pause, pace.longest)
        finally:
            self.tried.set()

    async def _life(self, pace: Pace) -> float:
        """Run the engine until it ends; return for how many seconds it listened."""
        program = await asyncio.to_thread(self._places.program, self._inlets)
        async with AsyncExitStack() as stack:
            with self._configured(program) as command:
                process = await stack.enter_async_context(self._child(command, pace.farewell))
                try:
                    async with asyncio.timeout(pace.start):
                        await self._listening(process)
                except TimeoutError:
                    raise NotStarted(f"its engine did not listen within {pace.start:g} s") from None
            loop = asyncio.get_running_loop()
            began, self.pid = loop.time(), process.pid
            log.info(
                "the egress path %s is open: its engine listens (process %d)", self.path, self.pid
            )
            self.tried.set()
            try:
                await process.wait()
            finally:
                self.pid = None
            return loop.time() - began

    @contextmanager
    def _configured(self, program: Program) -> Iterator[tuple[str, ...]]:
        """Give the engine's command; the file that it reads is there no longer than needed."""
        text = render(self._inlets, self._listeners, program.engine.name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(  # is 0600
            dir=self._folder.absolute(), prefix=f"{self.path}-", suffix=".json"
        ) as file:
            file.write(text.encode())
            file.flush()
            yield program.command(Path(file.name))

    @asynccontextmanager
    async def _child(self, command: tuple[str, ...], farewell: float) -> AsyncIterator[Process]:
        """Start the process and log what it says; at the end it is killed, for it keeps nothing."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={"PATH": self._places.path},
            start_new_session=True,
        )
        assert process.stdout is not None
        ends = {
            asyncio.ensure_future(self._relay(process.stdout)),
            asyncio.ensure_future(process.wait()),
        }
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.wait(ends, timeout=farewell)

    async def _listening(self, process: Process) -> None:
        for via in self.vias:
            while not await _answers(via.host, via.port):
                if process.returncode is not None:
                    raise NotStarted(f"its engine ended at once ({process.returncode})")
                await asyncio.sleep(0.05)

    async def _relay(self, output: asyncio.StreamReader) -> None:
        """Log each line of *output* at debug, without secrets; nothing else empties the pipe."""
        cut = False
        while True:
            try:
                line = await output.readline()
            except ValueError:  # too long for the buffer; what follows may begin inside a secret
                cut = True
                continue
            if not line:
                return
            text = _STYLE.sub("", line.decode(errors="replace")).strip()
            shown = self._hidden.sub("…", text)[:LONGEST]
            log.debug("%s: %s", self.path, "(a line too long to be read)" if cut else shown)
            cut = False


@asynccontextmanager
async def supervised(
    path: str, inlets: tuple[Inlet, ...], places: Places, folder: Path, pace: Pace | None = None
) -> AsyncIterator[Engine]:
    """
    Keep an engine for *inlets* running; the context begins when it listens, or first failed to.

    Its configuration lies in *folder* while it starts. A failure is logged and tried again, never
    raised: the path is closed meanwhile. Enter it in a thread that lasts as long as the process:
    with that thread the engine ends.
    """
    engine = Engine(path, inlets, places, folder)
    pace = pace or Pace()
    task = asyncio.create_task(engine.run(pace))
    try:
        await engine.tried.wait()
        yield engine
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=2 * pace.farewell)


@asynccontextmanager
async def open_engines(
    files: Mapping[str, Path], places: Places, folder: Path
) -> AsyncIterator[Mapping[str, Engine]]:
    """
    Keep an engine running for each path in *files*, which says where its tunnels are written down.

    Raises:
        ConfigError: one of the files cannot be taken; nothing was started then.
    """
    known = {path: load(file) for path, file in files.items()}
    async with AsyncExitStack() as stack:
        yield {
            path: await stack.enter_async_context(supervised(path, inlets, places, folder))
            for path, inlets in known.items()
        }


def _placed(inlets: tuple[Inlet, ...]) -> tuple[Listeners, tuple[Inlet, ...]]:
    """
    Choose where the engine listens: free ports, at an address of its own.

    Linux has all of 127.0.0.0/8: at one of its addresses nobody else's connection takes a port
    while the engine is away, and several processes do not meet.
    """
    numbers = [str(1 + secrets.randbelow(254)) for _ in range(3)]
    host = ".".join(["127", *numbers]) if sys.platform == "linux" else "127.0.0.1"
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in inlets]
        for one in held:
            one.bind((host, 0))
        ports = [int(one.getsockname()[1]) for one in held]
    listeners = Listeners(host, user="portico", password=secrets.token_urlsafe(24))
    placed = [replace(inlet, port=port) for inlet, port in zip(inlets, ports, strict=True)]
    return listeners, tuple(placed)


def _hiding(inlets: tuple[Inlet, ...], listeners: Listeners) -> re.Pattern[str]:
    """Return what an engine's lines must not show, the longest first."""
    texts = {listeners.password}
    for inlet in inlets:
        texts.update(secrets_of(inlet.tunnel))
    words = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)), re.IGNORECASE)


async def _answers(host: str, port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True
    return False
