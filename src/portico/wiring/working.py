"""The works that an operator may set going from the console: the command's own, beside us."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from portico.dispatch.works import Kind, Say, Works
from portico.settings import Settings

BACKUPS = "backups"
"""The folder under `$PORTICO_HOME` that they are written to."""


def works_of(load: Callable[[], Settings], home: Path, environ: Mapping[str, str]) -> Works:
    """Return the works of an installation, to be entered."""
    around = {**os.environ, **environ, "PORTICO_HOME": str(home)}
    beside = partial(_beside, load, around)
    backups = home / BACKUPS

    async def backup(say: Say) -> bool:
        await asyncio.to_thread(partial(backups.mkdir, mode=0o700, parents=True, exist_ok=True))
        return await beside(("backup", str(backups)), say)

    async def drill(say: Say) -> bool:
        return await beside(("drill",), say)

    return Works({"backup": Kind(backup, 3600.0), "drill": Kind(drill, 600.0)})


async def _beside(
    load: Callable[[], Settings], environ: Mapping[str, str], command: tuple[str, ...], say: Say
) -> bool:
    """Run a command of ours in a process of its own: what it costs slows nobody down here."""
    file = (await asyncio.to_thread(load)).source.file
    config = ("--config", file) if file else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "portico.cli", *command, *config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environ,
    )
    try:
        assert process.stdout is not None, "it was asked for"
        async for line in process.stdout:
            say(line.decode("utf-8", "replace").rstrip())
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
