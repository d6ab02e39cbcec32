"""A transport that sends what one turn of the loop has written as one packet."""

import asyncio
from typing import Any


class Gathering:
    """
    Stands before *transport*: an answer's head and its body leave together.

    uvicorn writes them apart and uvloop sends each write at once; a send is among the dearest
    things that a request does. Nothing is held for longer than the turn it was written in.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send *data* when this turn of the loop is over."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def flush(self) -> None:
        """Send what is held; drop it where the other side has left in the meantime."""
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))

    def close(self) -> None:
        """Send what is held, and close."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Send what is held, and say that no more comes."""
        self.flush()
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:
        """Whatever else is asked of a transport is the transport's own to answer."""
        return getattr(self._transport, name)
