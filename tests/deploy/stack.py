"""The compose file as data, and the house rules for it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy/compose"
INSIDE = ("app", "data", "eg-direct", "eg-google", "eg-fetch")
"""Networks without a way out."""

type Service = Mapping[str, Any]


def read(text: str | None = None) -> dict[str, Any]:
    """Return the compose file with its anchors resolved; a list of merges is flattened."""
    found: dict[str, Any] = yaml.safe_load(text or (FOLDER / "compose.yaml").read_text())
    return found


def complaints(stack: Mapping[str, Any]) -> list[str]:
    """Return what of the stack breaks a house rule, one sentence each."""
    found = [
        f"{name}: {said}"
        for name, service in stack["services"].items()
        for rule in (_rights, _limits, _image, _secrets, _readers, _mounts, _health, _names)
        for said in rule(service)
    ]
    found += [
        f"network {name}: has a way out"
        for name in INSIDE
        if not stack["networks"][name].get("internal")
    ]
    found += [
        f"{name}: both inside and out, and no edge, gate, control or sidecar"
        for name, service in stack["services"].items()
        if _outside(service) and name not in {"edge", "gate", "fetch", "control", "sidecar"}
    ]
    return found


def _outside(service: Service) -> set[str]:
    return set(service.get("networks", ())) - set(INSIDE)


def _rights(service: Service) -> Iterator[str]:
    if not service.get("read_only"):
        yield "its file system can be written to"
    if service.get("cap_drop") != ["ALL"]:
        yield "keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", ()):
        yield "may gain privileges"
    firewalled = service.get("cap_add") and "sidecar" in str(service.get("image"))
    user = str(service.get("user", "root")).partition(":")[0]
    if user in {"0", "root"} and not firewalled:
        yield "runs as root"
    if service.get("privileged") or service.get("pid") == "host":
        yield "sees the host"


def _limits(service: Service) -> Iterator[str]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory"} <= limits.keys():
        yield "has no limits of processor and memory"


def _image(service: Service) -> Iterator[str]:
    image = str(service["image"])
    ours = ":local}" in image
    if not ours and "@${" not in image and "@sha256:" not in image:
        yield "its image is not pinned by digest"
    if ":latest" in image:
        yield "its image is `latest`"


def _secrets(service: Service) -> Iterator[str]:
    for name, value in dict(service.get("environment") or {}).items():
        secret = any(word in name.upper() for word in ("PASSWORD", "SECRET", "_KEY", "TOKEN"))
        if secret and not name.upper().endswith("_FILE") and value:
            yield f"{name} holds a secret in the environment"


def _readers(service: Service) -> Iterator[str]:
    """Files of secrets are for their owner and its group, 10001."""
    user = str(service.get("user", ""))
    if service.get("secrets") and user != "10001:10001" and "10001" not in _groups(service):
        yield "cannot read its secrets"


def _groups(service: Service) -> list[str]:
    return [str(group) for group in service.get("group_add", ())]


def _mounts(service: Service) -> Iterator[str]:
    for volume in service.get("volumes", ()):
        if "docker.sock" in str(volume):
            yield "has the engine's socket"
    for host in service.get("extra_hosts", ()):
        yield f"reaches the host: {host}"


def _health(service: Service) -> Iterator[str]:
    if not service.get("healthcheck"):
        yield "nobody asks after its health"


def _names(service: Service) -> Iterator[str]:
    inside = not _outside(service) and service.get("network_mode") != "none"
    if inside and service.get("dns") != ["127.0.0.1"]:
        yield "asks the host's resolver"
