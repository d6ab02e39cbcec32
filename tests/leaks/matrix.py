"""
What is left when layers are taken away: all of them alone, and every two together.

Each time Google is asked for by the three ways there are: straight, through the sidecar, through
the gate. The tunnels themselves are down, so that whatever comes through has leaked.
"""

from itertools import combinations

from tests.leaks.lab import Lab, Layer
from tests.leaks.town import GOOGLE, NAME
from tests.leaks.vectors import OWN, URL

CLOSED, SEEN = "closed", "**leaks, and is seen**"


type Situation = frozenset[Layer]
"""What is taken away."""


def measured(lab: Lab) -> dict[Situation, dict[str, int]]:
    """Return what passed through the street, by kind, without each layer and each two of them."""
    return {frozenset(pair): _passed(lab, *pair) for pair in _pairs()}


def table(passed: dict[Situation, dict[str, int]]) -> str:
    """Return the matrix as Markdown."""
    lines = [
        "| taken away | " + " | ".join(Layer) + " |",
        "|---" * (1 + len(Layer)) + "|",
    ]
    for one in Layer:
        row = [SEEN if passed[frozenset({one, other})] else CLOSED for other in Layer]
        lines.append(f"| {one} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _pairs() -> list[tuple[Layer, ...]]:
    return [(one,) for one in Layer] + list(combinations(Layer, 2))


def _passed(lab: Lab, *layers: Layer) -> dict[str, int]:
    with lab.without(*layers), lab.half_open():
        for attempt in (_straight, _by_sidecar, _by_gate):
            attempt(lab)
        return lab.town.settled()


def _straight(lab: Lab) -> None:
    if Layer.TYPES in lab.removed:
        lab.gateway.do("tcp", host=GOOGLE)
        lab.gateway.do("name", host=NAME)
    else:
        lab.gateway.do("ours", url=URL, hosts=OWN, path="direct")


def _by_sidecar(lab: Lab) -> None:
    if Layer.TYPES in lab.removed:
        for host in (NAME, GOOGLE):
            lab.gateway.do("via_proxy", proxy=lab.sidecar_at, text=lab.asking(f"{host}:443"))
    else:
        lab.gateway.do("ours", url=URL, via=lab.listeners, hosts=OWN, connect=0.4)


def _by_gate(lab: Lab) -> None:
    if Layer.TYPES in lab.removed:
        text = f"CONNECT {NAME}:443 HTTP/1.1\r\n\r\n"
        lab.gateway.do("via_proxy", proxy=lab.gate, text=text)
    else:
        via = ["http://{}:{}".format(*lab.gate)]
        lab.gateway.do("ours", url=URL, via=via, hosts=OWN, path="direct")
