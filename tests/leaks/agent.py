"""
Somebody inside a house who tries to get out, in as many ways as there are.

`python -m tests.leaks.agent` reads acts as lines of JSON and answers each with what came of it.
Nothing of an answer is a proof: that is what the street counts.
"""

import asyncio
import ctypes
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.hosts import Hosts
from portico.egress.paths import Direct, Tunnel, parse_via
from portico.egress.pool import Pool

TRUST = Path(__file__).parent / "certificates/certificate.pem"
SHORT = 0.4  # seconds after which a packet that was to come would have come
QUESTION = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def main() -> None:
    """Do what comes, until nothing comes any more."""
    for line in sys.stdin:
        told = json.loads(line)
        try:
            said = str(ACTS[told["act"]](**told["arguments"]))
        except (OSError, EgressError, httpx.HTTPError, http.client.HTTPException) as error:
            said = f"{type(error).__name__}: {error}"
        print(json.dumps(said), flush=True)  # noqa: T201 - this is how an agent answers


def tcp(host: str, port: int = 443) -> str:
    with socket.create_connection((host, port), SHORT) as there:
        there.sendall(QUESTION)
        return f"connected, {len(there.recv(100))} bytes"


def udp(host: str, port: int = 443, payload: str = "\x00" * 32, broadcast: bool = False) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, broadcast)
        place = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)[0][4]
        return f"{there.sendto(payload.encode('latin-1'), place)} bytes sent"


def flood(host: str, seconds: float) -> str:
    """A datagram after the other; what is refused is tried again."""
    sent, end = 0, time.monotonic() + seconds
    with socket.socket(type=socket.SOCK_DGRAM) as there:
        while time.monotonic() < end:
            with suppress(OSError):
                sent += there.sendto(bytes(8), (host, 443))
            time.sleep(0.0005)
    return f"{sent} bytes sent"


def mapped(host: str, port: int = 443) -> str:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as there:
        there.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        there.settimeout(SHORT)
        there.connect((f"::ffff:{host}", port))
        return "connected"


def fast_open(host: str, port: int = 443) -> str:
    with socket.socket() as there:
        there.settimeout(SHORT)
        return f"{there.sendto(QUESTION, socket.MSG_FASTOPEN, (host, port))} bytes sent"


def ping(host: str) -> str:
    six = ":" in host
    family, protocol = (socket.AF_INET6, 58) if six else (socket.AF_INET, 1)
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as there:
        there.settimeout(SHORT)
        there.sendto(struct.pack("!BBHHH", 128 if six else 8, 0, 0, 7, 1), (host, 0))
        return f"{len(there.recv(100))} bytes back"


def name(host: str) -> str:
    return str(socket.getaddrinfo(host, 443)[0][4][0])


def ask_dns(host: str, kind: int, server: str, over_tcp: bool = False) -> str:
    labels = b"".join(bytes([len(each)]) + each.encode() for each in host.split("."))
    query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + labels + b"\0" + struct.pack("!HH", kind, 1)
    with socket.socket(type=socket.SOCK_STREAM if over_tcp else socket.SOCK_DGRAM) as there:
        there.settimeout(SHORT)
        there.connect((server, 53))
        there.sendall(struct.pack("!H", len(query)) + query if over_tcp else query)
        return f"{len(there.recv(512))} bytes back"


def websocket(host: str, port: int = 443) -> str:
    bare = socket.create_connection((host, port), SHORT)
    with ssl.create_default_context(cafile=TRUST).wrap_socket(bare, server_hostname=host) as there:
        there.sendall(
            b"GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        return f"{len(there.recv(100))} bytes back"


def foreign(host: str, port: int = 443) -> str:
    """As a C extension does it: no Python socket, no audit hook."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 0)
    try:
        place = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
        place += socket.inet_aton(host) + bytes(8)
        done = libc.connect(descriptor, place, len(place))
        return "on its way" if done == 0 else os.strerror(ctypes.get_errno())
    finally:
        libc.close(descriptor)


def child(words: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        ["curl", "-skv", "--connect-timeout", "1", "-m", "2", *words],
        env={"PATH": os.environ["PATH"]} | (environment or {}),
        capture_output=True,
    )
    return (done.stdout + done.stderr).decode(errors="replace")[-300:]


def library(url: str, environment: dict[str, str], follow: bool = False) -> str:
    """As a library that believes its environment does it."""
    os.environ.update(environment)
    try:
        with httpx.Client(verify=False, timeout=1, follow_redirects=follow) as client:
            return str(client.get(url).status_code)
    finally:
        for each in environment:
            del os.environ[each]


def syn(host: str, port: int = 443) -> str:
    """A SYN made by hand, its checksum left wrong: nobody answers, it has left all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as there:
        head = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 1024, 0, 0)
        return f"{there.sendto(head, (host, 0))} bytes sent"


def frame(host: str, to: str) -> str:
    """A frame to the bridge itself, which needs neither a route nor an address."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as there:
        there.bind(("eg0", 0))
        mac = bytes.fromhex(to.replace(":", ""))
        head = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 28, 7, 0, 64, 17, 0))
        head += socket.inet_aton("10.91.20.10") + socket.inet_aton(host)
        total = sum(struct.unpack("!10H", head))
        head[10:12] = struct.pack("!H", 0xFFFF - (total % 0xFFFF))
        packet = (
            mac
            + b"\x02\0\0\0\0\x01"
            + b"\x08\x00"
            + bytes(head)
            + struct.pack("!HHHH", 9, 443, 8, 0)
        )
        return f"{there.send(packet)} bytes sent"


def detour(host: str, by: str, mac: str = "") -> str:
    """A route of one's own making, where that is allowed."""
    lines = [f"route add {host}/32 via {by} dev eg0 onlink"]
    lines += [f"neigh replace {by} lladdr {mac} dev eg0"] if mac else []
    done = [subprocess.run(["ip", *line.split()], capture_output=True) for line in lines]
    try:
        said = b" ".join(each.stderr for each in done).decode().strip()
        return said or udp(host)
    finally:
        subprocess.run(["ip", "route", "del", f"{host}/32"], capture_output=True)


def via_proxy(proxy: list[Any], text: str) -> str:
    with socket.create_connection((proxy[0], proxy[1]), SHORT) as there:
        there.settimeout(2 * SHORT)
        there.sendall(text.encode("latin-1"))
        return there.recv(200).split(b"\r\n")[0].decode("latin-1")


def ours(
    url: str,
    via: list[str] | None = None,
    hosts: dict[str, str] | None = None,
    path: str = "google",
    connect: float = 1.0,
    environment: dict[str, str] | None = None,
) -> str:
    """As the gateway does it: its own client over its own path."""
    os.environ.update(environment or {})
    try:
        return asyncio.run(_ours(url, via, hosts, path, connect))
    finally:
        for each in environment or {}:
            del os.environ[each]


async def _ours(
    url: str, via: list[str] | None, hosts: dict[str, str] | None, path: str, connect: float
) -> str:
    way = Tunnel(path, tuple(map(parse_via, via))) if via else Direct(path)
    pool = Pool(way, TRUST, hosts=Hosts(hosts) if hosts is not None else None)
    try:
        async with asyncio.timeout(2 * connect):
            request = HTTPRequest(url, method="GET", connect=connect)
            async with pool.send(request) as answer:
                return f"{answer.status} {(await answer.read())[:200].decode()}"
    finally:
        await pool.aclose()


def naive(url: str, via: list[str], addresses: list[str]) -> str:
    """As others do it: the tunnel if it is there, else straight."""
    try:
        return ours(url, via)
    except (OSError, EgressError):
        return tcp(addresses[0], urlsplit(url).port or 443)


def check(config: str, home: str) -> str:
    """As `portico egress check --json` does it, without its start."""
    from portico.app import loaded
    from portico.wiring.checking import check_egress

    environ = {"PORTICO_HOME": home}
    load = partial(loaded, Path(config), environ, with_tunnel=False)
    found = asyncio.run(check_egress(load, Path(home), environ))
    return msgspec.json.encode(found).decode()


ACTS: dict[str, Callable[..., object]] = {
    act.__name__: act
    for act in (
        tcp,
        udp,
        flood,
        mapped,
        fast_open,
        ping,
        name,
        ask_dns,
        websocket,
        foreign,
        child,
        library,
        syn,
        frame,
        detour,
        via_proxy,
        ours,
        naive,
        check,
    )
}

if __name__ == "__main__":
    main()
