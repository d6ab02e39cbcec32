"""Plays a script to whoever called, and notices when they leave."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio.lowlevel import checkpoint
from starlette.types import Receive, Scope, Send

from portico.simulator.scripts import Head, Pause, Script, Sever, Step, Write

SEVER = "portico.sever"
"""The ASGI extension that resets the connection; our own server offers it."""

FLUSH = 0.02
"""Seconds between the last write and a reset, so that what was written is not lost with it."""


@dataclass(slots=True)
class Performance:
    """How far a script was played: `output` tokens delivered, and how it ended."""

    output: int = 0
    status: str = "abandoned"


class Player:
    """Plays one script on one ASGI connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sever: Callable[[], None] | None = scope.get("extensions", {}).get(SEVER)
        self._receive = receive
        self._send = send

    async def play(self, script: Script, book: Callable[[Performance], None]) -> None:
        """
        Play *script*; call *book* once, when it has ended or the caller has left.

        Raises:
            ConnectionResetError: the script ends with a reset and the server offers none.
        """
        performance = Performance()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, tasks.cancel_scope)
                await self._steps(script, performance)
                tasks.cancel_scope.cancel()
        finally:
            book(performance)
        if self._sever is None and isinstance(script.steps[-1], Sever):
            raise ConnectionResetError("this server cannot reset a connection")

    async def _watch(self, scope: anyio.CancelScope) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def _steps(self, script: Script, performance: Performance) -> None:
        last = len(script.steps) - 1
        for at, step in enumerate(script.steps):
            if at:
                await checkpoint()  # lets a caller's departure be noticed between two writes
            match step:
                case Head():
                    await self._head(step, script)
                case Write():
                    performance.output = max(performance.output, step.output)
                    if at == last or step.finish:
                        performance.status = script.ends
                    await self._send(_body(step.data, more=at != last))
                case Pause(seconds):
                    await anyio.sleep(seconds)
                case Sever():
                    await self._reset(script, performance)

    async def _head(self, head: Head, script: Script) -> None:
        headers = [(name.encode(), value.encode()) for name, value in head.headers.items()]
        if _is_whole(script.steps):
            length = sum(len(step.data) for step in script.steps if isinstance(step, Write))
            headers.append((b"content-length", str(length).encode()))
        message = {"type": "http.response.start", "status": head.status, "headers": headers}
        await self._send(message)

    async def _reset(self, script: Script, performance: Performance) -> None:
        await anyio.sleep(FLUSH)
        performance.status = script.ends
        if self._sever is not None:
            self._sever()
            await anyio.sleep_forever()  # until the watcher sees that the connection is gone


def _is_whole(steps: tuple[Step, ...]) -> bool:
    return sum(isinstance(step, Write) for step in steps) == 1 and not any(
        isinstance(step, Sever) for step in steps
    )


def _body(data: bytes, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
