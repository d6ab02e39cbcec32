"""What a sidecar's firewall has to be told of its tunnels: their servers, and nothing else."""

from portico.egress.tunnels import fields
from portico.egress.tunnels.inlets import Inlet
from portico.egress.tunnels.reasons import Reason, Refused

_HEAD = "# The servers of the tunnels that are there; made by `portico egress render --exits`.\n"


def exits(inlets: tuple[Inlet, ...]) -> str:
    """
    Return `exits.nft` (deploy/egress) for *inlets*: the address and port of each one's server.

    Raises Refused for a server that is given by name: it would be looked up outside the tunnel.
    """
    found: dict[int, dict[str, None]] = {4: {}, 6: {}}
    for inlet in inlets:
        literal = fields.ip(inlet.tunnel.address)
        if literal is None:
            raise Refused(Reason.NAMED_EXIT, inlet.name)
        found[literal.version][f"{literal} . {inlet.tunnel.port}"] = None
    lines = [
        f"add element inet portico_egress exits{version} {{ {', '.join(servers)} }}\n"
        for version, servers in found.items()
        if servers
    ]
    return "".join([_HEAD, *lines])
