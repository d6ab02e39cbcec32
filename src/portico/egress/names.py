"""From a host's name to its addresses, for whoever looks at them before anybody is dialled."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

_LOOKUPS = 8  # threads; a look-up that hangs holds one of them until the system gives it up


class Resolve(Protocol):
    """Says where a host is."""

    async def __call__(self, host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
        """
        Return every address of *host*, the best first; the caller's clock bounds it.

        Raises:
            OSError: there is no such host, or nobody who would know.
        """
        ...


class SystemNames:
    """
    The system's own resolver, in threads of its own; whoever opens it closes it.

    Apart from the loop's threads, so that a name server that never answers keeps no picture and no
    upstream's look-up waiting.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, "names")

    async def __call__(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        """See `Resolve`."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, _look_up, host, port
        )
        return [ip_address(address) for address in found]

    def close(self) -> None:
        """Take no more questions; nobody waits for those that hang."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]
