"""
The operator's file of tunnels: YAML, with secrets, readable for its owner only.

    tunnels:
    - name: sg1
      port: 21001
      tunnel: {kind: vless, address: 203.0.113.7, port: 443, uuid: …, security: {kind: reality, …}}
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import yaml

from portico.egress.tunnels import files, links
from portico.egress.tunnels.engines import able
from portico.egress.tunnels.inlets import Inlet, distinct
from portico.egress.tunnels.reasons import Caution, Reason, Refused
from portico.egress.tunnels.values import Plain, Shadowsocks, Tunnel, Vless, cautions
from portico.errors import ConfigError, Problem

FIRST_PORT = 21001
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of links: the new inlets, cautions by their name, refusals by their line."""

    inlets: tuple[Inlet, ...] = ()
    cautions: tuple[tuple[str, Caution], ...] = ()
    refused: tuple[tuple[int, Refused], ...] = ()


def load(path: Path) -> tuple[Inlet, ...]:
    """
    Return the tunnels of the file at *path*, in its order.

    Raises:
        ConfigError: it cannot be read, others may read it, or a tunnel in it is refused.
    """
    try:
        with path.open("rb") as opened:
            mode, content = os.fstat(opened.fileno()).st_mode, opened.read(MAX_BYTES + 1)
    except OSError as error:
        _refuse(path, f"cannot be read: {error.strerror}", "name the file of your tunnels")
    if mode & 0o077:
        _refuse(path, "may be read by others, and it holds secrets", f"chmod 600 {path}")
    if len(content) > MAX_BYTES:
        _refuse(path, f"is larger than {MAX_BYTES:,} bytes", "is this the file of your tunnels?")
    return _inlets(path, _tree(path, content))


def save(path: Path, inlets: tuple[Inlet, ...]) -> None:
    """Write *inlets* to *path*, mode 0600, whole or not at all; raises Refused, OSError."""
    distinct(inlets)
    tree = {"tunnels": [_entry(inlet) for inlet in inlets]}
    # Escaped: of the letters beyond ASCII, PyYAML does not read back all that it writes.
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=False)
    files.write(path, text)


def import_links(text: str, known: tuple[Inlet, ...] = ()) -> Imported:
    """
    Return the tunnels of *text*: a link a line; empty lines and those with # in front are skipped.

    A tunnel is named after its link, and listens on the first free port from FIRST_PORT on. What
    cannot be taken is told by its line; nothing of a link is echoed.
    """
    inlets, told, refused = list(known), list[tuple[str, Caution]](), list[tuple[int, Refused]]()
    for number, line in enumerate(text.split("\n"), 1):
        if not (link := line.strip()) or link.startswith("#"):
            continue
        try:
            reading = links.read(link)
            inlet = _placed(reading, inlets)
        except Refused as error:
            refused.append((number, error.with_traceback(None)))
            continue
        inlets.append(inlet)
        told += [(inlet.name, caution) for caution in reading.cautions]
    return Imported(tuple(inlets[len(known) :]), tuple(told), tuple(refused))


def show(inlets: tuple[Inlet, ...]) -> str:
    """Return *inlets* for a person to read: no key, no password, no user id."""
    lines = []
    for inlet in inlets:
        engines = ", ".join(able(inlet.tunnel))
        lines.append(f"{inlet.name}: port {inlet.port}, {describe(inlet.tunnel)} [{engines}]")
        lines += [f"  note: {caution}" for caution in cautions(inlet.tunnel)]
    return "\n".join(lines)


def describe(tunnel: Tunnel) -> str:
    """Return what *tunnel* is, in one line without secrets."""
    host = f"[{tunnel.address}]" if ":" in tunnel.address else tunnel.address
    server = f"{host}:{tunnel.port}"
    match tunnel:
        case Shadowsocks(method=method):
            return f"shadowsocks to {server}, {method}"
        case Vless(transport=transport, security=security, flow=flow):
            kinds = [str(value.__struct_config__.tag) for value in (transport, security)]
            over, under = kinds
            shown = under if isinstance(security, Plain) else f"{under} as {security.sni}"
            return ", ".join(filter(None, (f"vless to {server} over {over}", shown, flow)))


def _placed(reading: links.Reading, inlets: list[Inlet]) -> Inlet:
    """Give the tunnel that was read a name and a port that nobody has."""
    for inlet in inlets:
        if inlet.tunnel == reading.tunnel:
            raise Refused(Reason.KNOWN_ALREADY, inlet.name)
    names = {inlet.name for inlet in inlets}
    base = re.sub(r"[^a-z0-9]+", "-", reading.name.lower()).strip("-")[:28].strip("-") or "tunnel"
    tries = (base, *(f"{base}-{number}" for number in range(2, len(names) + 3)))
    name = next(name for name in tries if name not in names)
    taken = {inlet.port for inlet in inlets}
    port = next((port for port in range(FIRST_PORT, 65536) if port not in taken), None)
    if port is None:
        raise Refused(Reason.NO_PORT_LEFT)
    return Inlet(name, port, reading.tunnel)


def _entry(inlet: Inlet) -> dict[str, Any]:
    tunnel = msgspec.to_builtins(inlet.tunnel)
    return {"name": inlet.name, "port": inlet.port, "tunnel": tunnel}


def _tree(path: Path, content: bytes) -> list[Any]:
    try:
        tree = yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:  # its own words quote the line, and with it a secret
        line = error.problem_mark.line + 1 if error.problem_mark else None
        _refuse(path, "is not YAML", "look at this line and the one before", line)
    except (yaml.YAMLError, ValueError, RecursionError):
        _refuse(path, "is not YAML", "save it as UTF-8 text")
    if not isinstance(tree, dict) or tree.keys() != {"tunnels"}:
        _refuse(path, "does not hold `tunnels` alone", "begin with `tunnels:`")
    entries = tree["tunnels"]
    if not isinstance(entries, list):
        _refuse(path, "`tunnels` is no list", "write one `- name: …` for each tunnel")
    return entries


def _inlets(path: Path, entries: list[Any]) -> tuple[Inlet, ...]:
    found, problems = [], []
    for number, entry in enumerate(entries):
        try:
            found.append(msgspec.convert(entry, Inlet, strict=True))
        except msgspec.ValidationError as error:
            problems.append(Problem(_said(error), str(path), key=f"tunnels[{number}]"))
    try:
        if not problems:
            distinct(tuple(found))
    except Refused as error:
        problems.append(Problem(str(error), str(path), key="tunnels"))
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(found)


def _said(error: msgspec.ValidationError) -> str:
    """What is wrong, without the value: msgspec quotes an unknown `kind`, which may be anything."""
    if isinstance(error.__cause__, Refused):
        return str(error)
    return re.sub(r"^Invalid value .* - at", "Invalid value - at", str(error), flags=re.DOTALL)


def _refuse(path: Path, message: str, remedy: str, line: int | None = None) -> NoReturn:
    raise ConfigError((Problem(message, str(path), line, remedy=remedy),)) from None
