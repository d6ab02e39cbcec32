"""`portico health`: does it answer? For healthchecks: no import that takes time, no proxy."""

import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

WITHIN = 2.0
"""Seconds to answer."""


def answers(url: str) -> str:
    """Return what is wrong with who serves at *url* (http), if anything; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("write http://HOST:PORT/healthz")
    try:
        with closing(HTTPConnection(parts.hostname, parts.port or 80, timeout=WITHIN)) as asking:
            asking.request("GET", parts.path or "/")
            status = asking.getresponse().status
    except (OSError, HTTPException) as exc:
        return f"{url} does not answer: {type(exc).__name__}"
    return "" if status == 200 else f"{url} answered with status {status}"


def listens(place: str) -> str:
    """Return what is wrong with who listens at `HOST:PORT`, if anything; raises ValueError."""
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError("write HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=WITHIN).close()
    except OSError as exc:
        return f"nobody listens at {place}: {type(exc).__name__}"
    return ""
