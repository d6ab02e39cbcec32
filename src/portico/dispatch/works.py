"""What an operator has set going in the background: a backup, a drill, and how it went."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from portico.errors import ConfigError, GatewayError, NotFound

log = logging.getLogger(__name__)

MOST_LINES = 60
"""Lines of what a work says that are kept: the latest."""

type Say = Callable[[str], None]
type Do = Callable[[Say], Awaitable[bool]]
"""Does it, says how it goes, and returns whether it went well."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work, which takes *within* seconds at most."""

    do: Do
    within: float


@dataclass(frozen=True, slots=True)
class Work:
    """One work. Times are epoch seconds; `ended` and `well` are None while it is under way."""

    by: str
    began: float
    lines: tuple[str, ...] = ()
    ended: float | None = None
    well: bool | None = None


class Works:
    """`async with Works(kinds) as works`: leaving ends what is under way. One of each kind."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.last: dict[str, Work] = {}
        self._kinds = kinds
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=5)

    def begin(self, name: str, by: str) -> bool:
        """
        Begin the work *name*; False if it is under way already.

        Raises:
            NotFound: there is no such work.
        """
        if name not in self._kinds:
            raise NotFound(f"There is no work {name[:100]!r}.")
        if name in self._tasks:
            return False
        self.last[name] = Work(by, time.time())
        task = asyncio.create_task(self._done(name), name=f"work: {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return True

    async def _done(self, name: str) -> None:
        kind, well = self._kinds[name], False
        try:
            async with asyncio.timeout(kind.within):
                well = await kind.do(lambda line: self._say(name, line))
        except TimeoutError:
            self._say(name, f"It was given up after {kind.within:g} s.")
        except (GatewayError, ConfigError, OSError) as exc:
            self._say(name, str(exc))
        except Exception:  # supervisor: a fault of one work is told, and ends nothing else
            log.exception("the work %s stumbled", name)
            self._say(name, "Something went wrong in the gateway; its log has it.")
        finally:
            self.last[name] = replace(self.last[name], ended=time.time(), well=well)

    def _say(self, name: str, line: str) -> None:
        work = self.last[name]
        self.last[name] = replace(work, lines=(*work.lines, line[:500])[-MOST_LINES:])
