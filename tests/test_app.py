"""The application of a process that only serves takes its memory for what it is."""

import subprocess
import sys

SETTLING = """
import asyncio, gc
from contextlib import asynccontextmanager
from portico.app import settled

@asynccontextmanager
async def opening():
    assert gc.get_freeze_count() < 1_000
    yield "open"
    print("closed")

async def main():
    async with settled(opening()) as serving:
        print(serving, gc.get_freeze_count() > 10_000, gc.get_threshold()[0])

asyncio.run(main())
"""


def test_what_is_there_once_everything_is_open_is_not_collected_again() -> None:
    # In a process of its own: what is frozen stays frozen.
    done = subprocess.run(
        [sys.executable, "-c", SETTLING], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.split("\n") == ["open True 25000", "closed", ""]
