"""The folder of secrets: what is missing is made, what is there is looked at and never changed."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from portico.bootstrap.base import Line, Order, State, made

MODE = 0o440
"""Their owner and group alone, and nobody writes; decision 060 says why the group."""

SHORTEST = 16
"""Characters of what was made elsewhere: fewer can be guessed."""

KNOWN = frozenset(
    {
        *("admin", "adminadmin", "changeme", "changemechangeme", "minioadmin", "mypassword"),
        *("notagreatpassword", "password", "passwordpassword", "portico", "secret", "unset"),
    }
)
"""Words that manuals use, without the digits and signs around them."""

PROVIDERS = ("gemini_key", "siliconflow_key")
"""Keys that only their providers make. An empty one is right: that upstream is simulated."""

type Secrets = Mapping[str, str]
type Make = Callable[[Secrets], str]


def _random(known: Secrets) -> str:
    return secrets.token_urlsafe(32)


def _key_id(known: Secrets) -> str:
    return secrets.token_hex(16)


def _caller_key(known: Secrets) -> str:
    return f"pk-{secrets.token_urlsafe(32)}"  # as `access.base.KEY` wants it


def _objects_config(known: Secrets) -> str:
    """Say who may do what at SeaweedFS: without an identity it lets everybody do everything."""
    key = {"accessKey": known["objects_key"], "secretKey": known["objects_secret"]}
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    who = {"name": "portico", "credentials": [key], "actions": actions}
    return json.dumps({"identities": [who]})


def _webui_env(known: Secrets) -> str:
    """Tell Open WebUI, which reads no files, what `deploy/openwebui` leaves open."""
    lines = {
        "OPENAI_API_KEYS": known["webui_key"],
        "RAG_OPENAI_API_KEY": known["webui_key"],
        "FORWARD_USER_INFO_HEADER_JWT_SECRET": known["webui_secret"],
    }
    return "\n".join(f"{name}={value}" for name, value in lines.items())


MAKES: Mapping[str, Make] = {
    "postgres_password": _random,
    "mongodb_password": _random,
    "qdrant_key": _random,
    "objects_key": _key_id,
    "objects_secret": _random,
    "google_tunnel_password": _random,
    "webui_secret": _random,
    "admin_key": _caller_key,
    "webui_key": _caller_key,
    "grafana_password": _random,
    "objects_config": _objects_config,
    "webui_env": _webui_env,
}
"""By their files' names, in this order: the later ones are made of earlier ones. 256 bits each."""

OF = {
    "objects_config": ("objects_key", "objects_secret"),
    "webui_env": ("webui_key", "webui_secret"),
}
"""What has to be found in what was made of it."""


async def keep_secrets(order: Order) -> list[Line]:
    """Make what is missing in the folder of secrets, and judge what is there."""
    if order.secrets is None:
        return [Line(State.SKIPPED, "no folder of secrets was named (--secrets)")]
    if not order.check:
        order.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    return list(_kept(order, order.secrets))


def _kept(order: Order, folder: Path) -> Iterator[Line]:
    known: dict[str, str] = {}
    for name, make in MAKES.items():
        file = folder / name
        if not file.exists():
            if order.check:
                yield made(order, f"{name} is made", "")
                known[name] = ""
                continue
            known[name] = make(known)
            _write(file, known[name])
            yield made(
                order, f"{name} is made", f"remove {file}; who uses it has to learn the next"
            )
            continue
        known[name] = file.read_text(encoding="utf-8").strip()
        yield _judged(file, _fault(name, known))
    for name in PROVIDERS:
        yield _provided(order, folder / name)


def _provided(order: Order, file: Path) -> Line:
    if not file.exists():
        if not order.check:
            _write(file, "")
        told = f"{file.name} is made, empty: that upstream is simulated until a key is in it"
        return made(order, told, f"remove {file}")
    text = file.read_text(encoding="utf-8").strip()
    return _judged(file, _weakness(text) if text else "")


def _judged(file: Path, fault: str) -> Line:
    if not fault and file.stat().st_mode & 0o007:
        fault = "is open to everybody on this machine"
        return Line(State.FAILED, f"{file.name} {fault}", mend=f"chmod {MODE:o} {file}")
    if fault:
        mend = f"remove {file}, and a new one is made; or put a good one there"
        return Line(State.FAILED, f"{file.name} {fault}", mend=mend)
    return Line(State.ALREADY, f"{file.name} is there")


def _fault(name: str, known: Secrets) -> str:
    """Say what is wrong with the secret *name*, without a letter of it."""
    for part in OF.get(name, ()):
        if known[part] and known[part] not in known[name]:
            return f"is not of this {part}"
    return _weakness(known[name])


def _weakness(text: str) -> str:
    if not text:
        return "is empty"
    if text.lower().strip("0123456789-_!.") in KNOWN:
        return "is a default that everybody knows"
    if len(text) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    return ""


def _write(file: Path, text: str) -> None:
    """Write a file that was not there, whole or not at all; raises FileExistsError."""
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(opened, "w", encoding="utf-8") as place:
            place.write(f"{text}\n" if text else "")
            place.flush()
            os.fsync(place.fileno())
        file.chmod(MODE)
    except OSError:
        file.unlink()  # an empty secret would be taken for one
        raise
