"""
Who lives in the town's houses: `python -m tests.leaks.townsfolk ROLE FOLDER`.

They write what they see into files of FOLDER, and read there what they should do.
"""

import asyncio
import socket
import ssl
import sys
from base64 import b64decode
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from portico.egress.doors import Doors
from portico.egress.gatehouse import keep
from tests.leaks.town import DNS, GATE, NAME, NAMES

CERTIFICATES = Path(__file__).parent / "certificates"
GATE_PORT, LAX_PORT, FETCH_PORT, ROGUE_PORT = 3128, 3129, 3132, 21050

PICTURE = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
BARRED = "User location is not supported for the API use."

type Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]
type Answer = Callable[[str, str], bytes]


def main(role: str, folder: str) -> None:
    """Play *role* until killed."""
    asyncio.run(ROLES[role](Path(folder)))


async def google(folder: Path) -> None:
    """Google as its API looks from outside: TLS, and it serves whom its regions allow."""

    def answer(source: str, path: str) -> bytes:
        _note(folder / "google.seen", f"{source} {path}")
        barred = folder / "barred"
        if barred.exists() and source in barred.read_text().split():
            error = {"code": 400, "message": BARRED, "status": "FAILED_PRECONDITION"}
            return _http(400, msgspec.json.encode({"error": error}))
        if path == "/where":  # what an operator's echo says
            return _http(200, f"ip={source}\nloc=XX\n".encode(), "text/plain")
        if path.startswith("/v1beta/models?"):
            return _http(200, b'{"models": [{"name": "models/gemini-3-flash-preview"}]}')
        content = {"role": "model", "parts": [{"text": f"seen from {source}"}]}
        whole = {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {
                "promptTokenCount": 1,
                "candidatesTokenCount": 1,
                "totalTokenCount": 2,
            },
            "modelVersion": "gemini-3-flash-preview",
        }
        encoded = msgspec.json.encode(whole)
        if "alt=sse" in path:
            return _http(200, b"data: " + encoded + b"\r\n\r\n", "text/event-stream")
        return _http(200, encoded)

    await _serve(answer, 443)


async def world(folder: Path) -> None:
    """Everybody else: a web server that sends on to Google, and the names of all."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(
        lambda: _Names(folder / "names.seen"), family=socket.AF_INET, local_addr=(DNS, 53)
    )

    def answer(source: str, path: str) -> bytes:
        _note(folder / "world.seen", f"{source} {path}")
        if path == "/picture.png":
            return _http(200, PICTURE, "image/png")
        if path == "/elsewhere":
            return _http(302, b"", more=f"location: https://{NAME}/v1beta/stolen\r\n")
        return _http(200, b"the world saw " + source.encode())

    await _serve(answer, 443)


async def site(folder: Path) -> None:
    """The site that REALITY looks like."""
    await _serve(lambda source, path: _http(200, b"a shop"), 8443)


async def gate(folder: Path) -> None:
    """Our allow-listing proxy, and beside it one that lets everybody out, as most do."""
    listed = {("world.test", 443), ("metadata.test", 80), ("inside.test", 443)}
    lax = await asyncio.start_server(_lax, GATE, LAX_PORT)
    async with lax:
        await keep(Doors(frozenset(listed)), GATE, GATE_PORT)


async def rogue(folder: Path) -> None:
    """Somebody in the sidecar's place, who sends what he is asked for straight out."""
    lax = await asyncio.start_server(_lax, "0.0.0.0", ROGUE_PORT)
    async with lax:
        await lax.serve_forever()


ROLES: dict[str, Callable[[Path], Coroutine[Any, Any, None]]] = {
    "google": google,
    "world": world,
    "site": site,
    "gate": gate,
    "rogue": rogue,
}


async def _serve(answer: Answer, port: int) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATES / "certificate.pem", CERTIFICATES / "key.pem")

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = str(writer.get_extra_info("peername")[0]).removeprefix("::ffff:")
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.partition(b":")[2]))
                writer.write(answer(source, head.split(b" ")[1].decode()))
                await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(one, None, port, ssl=tls)
    async with server:
        await server.serve_forever()


async def _lax(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do what is asked, in every way of writing it, as a proxy without a list does."""
    with suppress(OSError, asyncio.IncompleteReadError, ValueError):
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        place = target.removeprefix("http://").rstrip("/").rpartition("@")[2]
        host, _, port = place.rpartition(":") if place[-1:].isdigit() else (place, "", "80")
        host = host.strip("[]").rstrip(".").lower()
        async with asyncio.timeout(2):
            far = await asyncio.open_connection(host, int(port or 80))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pump(reader, far[1]), _pump(far[0], writer))
        far[1].transport.abort()
    writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


class _Names(asyncio.DatagramProtocol):
    """A name server that knows NAMES, and notes who asks for what."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, at = [], 12
        while length := data[at]:
            labels.append(data[at + 1 : at + 1 + length].decode("latin-1"))
            at += 1 + length
        name, kind, question = ".".join(labels).lower(), data[at + 2], data[12 : at + 5]
        _note(self._notes, f"{addr[0]} {name}")
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        addresses = [
            socket.inet_pton(family, each)
            for each in NAMES.get(name, ())
            if family is not None and (":" in each) == (family == socket.AF_INET6)
        ]
        said = data[:2] + (b"\x81\x80" if name in NAMES else b"\x81\x83") + b"\0\x01"
        said += len(addresses).to_bytes(2) + b"\0\0\0\0" + question
        for each in addresses:
            said += b"\xc0\x0c\0" + bytes([kind]) + b"\0\x01\0\0\0\0" + len(each).to_bytes(2) + each
        self._transport.sendto(said, addr)


def _http(status: int, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def _note(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
