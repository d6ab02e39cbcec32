"""What the gateway has to be told of a sidecar, as an operator pastes it."""

from urllib.parse import quote

from portico.egress.tunnels.inlets import Inlet, Listeners, vias

PASSWORD = "PORTICO_TUNNEL_PASSWORD"
"""The environment's variable that stands for the password of the listeners."""


def section(inlets: tuple[Inlet, ...], listeners: Listeners, host: str = "") -> str:
    """
    Return the `egress:` section of portico.yaml that leads to *inlets*; no password is in it.

    *host* is the sidecar's name, where the gateway does not reach it at its own address.
    """
    lines = ["egress:", "  google:", "    kind: tunnel", "    via:"]
    for via in vias(inlets, listeners, host):
        name = f"[{via.host}]" if ":" in via.host else via.host
        who = f"{quote(via.user, safe='')}:${{{PASSWORD}}}@" if via.user else ""
        lines.append(f'    - "{via.kind}://{who}{name}:{via.port}#{via.name}"')
    if listeners.user:
        lines.insert(0, f"# {PASSWORD}: percent-encode all but letters, digits and -._~ in it.")
    return "\n".join(lines)
