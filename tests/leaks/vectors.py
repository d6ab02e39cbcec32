"""
The leak corpus: everything that anybody in the lab might try, and what stands in its way.

Each vector names the layers that stop it. With all layers nothing of it may pass the street;
without those it has to, or the vector would prove nothing.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from tests.leaks.lab import ASTRAY, Lab, Layer, listener
from tests.leaks.town import (
    DNS,
    EXIT1,
    GOOGLE,
    GOOGLE6,
    GOOGLE_DNS,
    HOST,
    HOST_OUTSIDE,
    NAME,
    SIDECAR,
)
from tests.leaks.townsfolk import ROGUE_PORT

type Act = Callable[[Lab], object]
type State = Callable[[Lab], AbstractContextManager[object]]

URL = f"https://{NAME}/v1beta/models?pageSize=1"
STRAIGHT = f"https://{GOOGLE}/"
OWN = {NAME: "google"}

TYPES, ENGINE, FIREWALL, NAMESPACE, LIST = Layer


@dataclass(frozen=True)
class Vector:
    """
    One try. `seen` is the street's counter that rises without `layers`; `state` is the trouble in
    which it is tried; `naive` is who tries it where the gateway's types are away.
    """

    name: str
    act: Act
    layers: tuple[Layer, ...]
    seen: str = "google4"
    state: State = lambda lab: nullcontext()
    naive: Act | None = None
    capable: bool = False


def inside(act: str, **arguments: object) -> Act:
    """Somebody in the gateway's house."""
    return lambda lab: lab.gateway.do(act, **arguments)


def beside(act: str, **arguments: object) -> Act:
    """Somebody in the sidecar's house, who need not be the engine."""
    return lambda lab: lab.sidecar.do(act, **arguments)


def asking_gate(target: str, *headers: str, line: str = "CONNECT {} HTTP/1.1") -> Act:
    """Somebody in the gateway's house asks the gate."""
    text = "\r\n".join([line.format(target), *headers, "", ""])
    return lambda lab: lab.gateway.do("via_proxy", proxy=lab.gate, text=text)


def asking_for_link(target: str) -> Act:
    """Somebody in the gateway's house asks the gate by which linked pictures are read."""
    text = f"CONNECT {target} HTTP/1.1\r\n\r\n"
    return lambda lab: lab.gateway.do("via_proxy", proxy=lab.gate_for_links, text=text)


def proxied(*names: str) -> Act:
    """A child of the gateway whose environment names the gate."""
    return lambda lab: lab.gateway.do(
        "child", words=[URL], environment=dict.fromkeys(names, "http://{}:{}".format(*lab.gate))
    )


def through(name: str) -> Act:
    """The gateway's own client asks an engine that was configured by somebody else."""
    return inside("ours", url=URL, via=[listener(ASTRAY[name])], hosts=OWN)


def astray(name: str) -> State:
    """While that engine runs."""
    return lambda lab: lab.astray(name)


def ours(lab: Lab) -> str:
    """The gateway's own client asks for Google by its path."""
    return lab.gateway.do("ours", url=URL, via=lab.listeners, hosts=OWN, connect=0.6)


def naive(lab: Lab) -> str:
    """A client that goes straight where the tunnel fails."""
    return lab.gateway.do("naive", url=URL, via=lab.listeners, addresses=[GOOGLE])


def poisoned(lab: Lab) -> str:
    """The gateway's own client, in an environment that tells it to go elsewhere."""
    environment = {"NO_PROXY": "*", "HTTPS_PROXY": "http://{}:{}".format(*lab.gate)}
    environment |= {"ALL_PROXY": environment["HTTPS_PROXY"], "SSL_CERT_FILE": "/dev/null"}
    return lab.gateway.do(
        "ours", url=URL, via=lab.listeners, hosts=OWN, environment=environment, connect=0.6
    )


def reloading(lab: Lab) -> str:
    """The firewall is loaded over and over, while somebody tries to slip through."""
    if FIREWALL in lab.removed:  # as it must not be done
        wrong = f"nft flush ruleset; sleep 0.1; nft -I {lab.rules} -f {lab.rules}/sidecar.nft"
        lab.town["sidecar"].start(["sh", "-c", wrong])
    else:
        again = f"for n in 1 2 3 4 5 6 7 8; do nft -I {lab.rules} -f {lab.rules}/sidecar.nft; done"
        lab.town["sidecar"].start(["sh", "-c", again])
    return lab.sidecar.do("flood", host=GOOGLE, seconds=0.5)


def numbering(lab: Lab) -> str:
    """The engine is asked for what no rule of it matches."""
    text = lab.asking(f"{GOOGLE}:443")
    return lab.gateway.do("via_proxy", proxy=lab.sidecar_at, text=text)


def slipping(lab: Lab) -> str:
    """The sidecar's engine dies, and somebody in its house uses the moment."""
    ours(lab)
    return lab.sidecar.do("tcp", host=GOOGLE)


def router(lab: Lab) -> str:
    """The sidecar as a router for whoever has made themselves a route."""
    return lab.strong.do("detour", host=GOOGLE, by=SIDECAR)


def framed(lab: Lab) -> str:
    """Past all routes: to the bridge's own hardware address."""
    return lab.gateway.do("frame", host=GOOGLE, to=lab.town.bridge())


def routed(lab: Lab) -> str:
    """By a route of one's own, to an address that the bridge need not have."""
    return lab.gateway.do("detour", host=GOOGLE, by=HOST, mac=lab.town.bridge())


def _namespace() -> list[Vector]:
    """What the gateway's namespace stops: nobody in it has a route, a name server or IPv6."""
    tries: dict[str, tuple[Act, str]] = {
        "TCP to an IPv4 address": (inside("tcp", host=GOOGLE), "google4"),
        "TCP to an IPv6 address": (inside("tcp", host=GOOGLE6), "google6"),
        "TCP to an IPv4-mapped IPv6 address": (inside("mapped", host=GOOGLE), "google4"),
        "TCP to port 80": (inside("tcp", host=GOOGLE, port=80), "google4"),
        "TCP Fast Open": (inside("fast_open", host=GOOGLE), "google4"),
        "QUIC, UDP 443 over IPv4": (inside("udp", host=GOOGLE), "google4"),
        "QUIC, UDP 443 over IPv6": (inside("udp", host=GOOGLE6), "google6"),
        "a ping over IPv4": (inside("ping", host=GOOGLE), "google4"),
        "a ping over IPv6": (inside("ping", host=GOOGLE6), "google6"),
        "a WebSocket": (inside("websocket", host=GOOGLE), "google4"),
        "a child process (curl)": (inside("child", words=[STRAIGHT]), "google4"),
        "a child process, by name": (inside("child", words=[URL]), "dns"),
        "a C extension's socket": (inside("foreign", host=GOOGLE), "google4"),
        "NO_PROXY=* with an honest library": (
            inside("library", url=STRAIGHT, environment={"NO_PROXY": "*"}),
            "google4",
        ),
        "a look-up by the system": (inside("name", host=NAME), "dns"),
        "DNS, an A record": (inside("ask_dns", host=NAME, kind=1, server=DNS), "dns"),
        "DNS, an AAAA record": (inside("ask_dns", host=NAME, kind=28, server=DNS), "dns"),
        "DNS, a TXT record with a secret in its name": (
            inside("ask_dns", host="c2VjcmV0.leak.test", kind=16, server=DNS),
            "dns",
        ),
        "DNS over TCP": (
            inside("ask_dns", host=NAME, kind=1, server=DNS, over_tcp=True),
            "dns",
        ),
        "DNS over TLS": (inside("tcp", host=DNS, port=853), "dns"),
        "DNS over HTTPS, at Google": (inside("tcp", host=GOOGLE_DNS), "google4"),
        "the metadata address": (inside("tcp", host="169.254.169.254", port=80), "other"),
        "the metadata address over IPv6": (inside("tcp", host="fd00:ec2::254", port=80), "other"),
        "the host's gateway address": (inside("tcp", host=HOST, port=22), "other"),
        "the host's other addresses": (inside("tcp", host=HOST_OUTSIDE, port=22), "other"),
        "multicast (mDNS)": (inside("udp", host="224.0.0.251", port=5353), "other"),
        "multicast over IPv6": (inside("udp", host="ff02::fb%eg0", port=5353), "other"),
        "a link-local address": (inside("tcp", host="fe80::1%eg0", port=22), "other"),
        "broadcast (DHCP)": (
            inside("udp", host="255.255.255.255", port=67, broadcast=True),
            "other",
        ),
    }
    return [Vector(name, act, (NAMESPACE,), seen) for name, (act, seen) in tries.items()]


def _capable() -> list[Vector]:
    """What only a gateway without capabilities cannot do, route or no route."""
    made = Vector("", inside("syn", host=GOOGLE), (NAMESPACE,), capable=True)
    return [
        replace(made, name="a packet made by hand"),
        replace(made, name="a frame to the bridge", act=framed),
        replace(made, name="a route of one's own", act=routed),
    ]


def _list() -> list[Vector]:
    """What the gate's list stops: it is no way to Google, however that is written."""
    tries: dict[str, tuple[Act, str]] = {
        "CONNECT to Google's name": (asking_gate(f"{NAME}:443"), "google4"),
        "CONNECT in upper case": (asking_gate(f"{NAME.upper()}:443"), "google4"),
        "CONNECT with a last dot": (asking_gate(f"{NAME}.:443"), "google4"),
        "CONNECT with a listed name as user": (
            asking_gate(f"world.test:443@{NAME}:443"),
            "google4",
        ),
        "CONNECT to port 80": (asking_gate(f"{NAME}:80"), "google4"),
        "CONNECT to an IPv4 address": (asking_gate(f"{GOOGLE}:443"), "google4"),
        "CONNECT to an IPv6 address": (asking_gate(f"[{GOOGLE6}]:443"), "google6"),
        "CONNECT to a mapped address": (asking_gate(f"[::ffff:{GOOGLE}]:443"), "google4"),
        "CONNECT to a decimal address": (asking_gate("2398767626:443"), "google4"),
        "CONNECT to a hexadecimal address": (asking_gate("0x8efa4a0a:443"), "google4"),
        "CONNECT with a listed Host header": (
            asking_gate(f"{NAME}:443", "host: world.test:443"),
            "google4",
        ),
        "GET with an absolute address": (
            asking_gate(f"http://{NAME}/", line="GET {} HTTP/1.1"),
            "google4",
        ),
        "a listed name that leads to the metadata": (asking_gate("metadata.test:80"), "other"),
        "a listed name that leads inside": (asking_gate("inside.test:443"), "other"),
        "a link to Google's name": (asking_for_link(f"{NAME}:443"), "google4"),
        "a link to Google's name in upper case": (
            asking_for_link(f"{NAME.upper()}:443"),
            "google4",
        ),
        "a link to Google's name with a last dot": (asking_for_link(f"{NAME}.:443"), "google4"),
        "a link to Google's name, port 80": (asking_for_link(f"{NAME}:80"), "google4"),
        "a link to Google's IPv4 address": (asking_for_link(f"{GOOGLE}:443"), "google4"),
        "a link to Google's IPv6 address": (asking_for_link(f"[{GOOGLE6}]:443"), "google6"),
        "a link to a name that leads to the metadata": (
            asking_for_link("metadata.test:80"),
            "other",
        ),
        "a link to a name that leads inside": (asking_for_link("inside.test:443"), "other"),
        "HTTPS_PROXY in a child's environment": (proxied("HTTPS_PROXY"), "google4"),
        "ALL_PROXY in a child's environment": (proxied("ALL_PROXY", "all_proxy"), "google4"),
    }
    return [Vector(name, act, (LIST,), seen) for name, (act, seen) in tries.items()]


def _firewall() -> list[Vector]:
    """What the sidecar's firewall stops: whoever runs there, and however that is configured."""
    tries: dict[str, tuple[Act, str]] = {
        "a rogue sidecar: TCP": (beside("tcp", host=GOOGLE), "google4"),
        "a rogue sidecar: TCP over IPv6": (beside("tcp", host=GOOGLE6), "google6"),
        "a rogue sidecar: QUIC": (beside("udp", host=GOOGLE), "google4"),
        "a rogue sidecar: a ping": (beside("ping", host=GOOGLE), "google4"),
        "a rogue sidecar: DNS": (beside("ask_dns", host=NAME, kind=1, server=DNS), "dns"),
        "a rogue sidecar: DNS over TLS": (beside("tcp", host=DNS, port=853), "dns"),
        "a rogue sidecar: another port of the exit": (
            beside("tcp", host=EXIT1, port=8443),
            "other",
        ),
        "a rogue sidecar: UDP to the exit": (beside("udp", host=EXIT1), "other"),
        "a rogue sidecar: a child process": (beside("child", words=[STRAIGHT]), "google4"),
        "a rogue proxy in the engine's place": (
            lambda lab: lab.gateway.do("ours", url=URL, via=[listener(ROGUE_PORT)], hosts=OWN),
            "google4",
        ),
        "the rules are loaded anew": (reloading, "google4"),
    }
    found = [Vector(name, act, (FIREWALL,), seen) for name, (act, seen) in tries.items()]
    troubled: dict[str, tuple[Act, str, State]] = {
        "an engine without outbounds": (through("empty"), "google4", astray("empty")),
        "an engine whose server has a name": (through("named"), "dns", astray("named")),
        "the moment while the engine restarts": (slipping, "google4", Lab.engine_killed),
    }
    return found + [
        Vector(name, act, (FIREWALL,), seen, state) for name, (act, seen, state) in troubled.items()
    ]


def _tunnel() -> list[Vector]:
    """What becomes of Google's requests when tunnels die: nothing."""
    troubles: dict[str, State] = {
        "half-open: the exits' packets are lost": Lab.half_open,
        "frozen: the exits take connections and stay silent": Lab.frozen,
        "killed: the exits are gone": Lab.killed,
    }
    both = (ENGINE, FIREWALL)
    found = [Vector(name, ours, both, state=how) for name, how in troubles.items()]
    found.append(Vector("Google's address, asked of the sidecar's listener", numbering, both))
    away: dict[str, State] = {
        "the engine is gone": Lab.engine_killed,
        "the engine is frozen": Lab.engine_frozen,
        "half-open, and a client that would rather go straight": Lab.half_open,
    }
    own = (TYPES, NAMESPACE)
    found += [Vector(name, ours, own, state=how, naive=naive) for name, how in away.items()]
    return found


def _types() -> list[Vector]:
    """What the gateway's own client does not do."""

    def gated(lab: Lab) -> str:
        via = ["http://{}:{}".format(*lab.gate)]
        return lab.gateway.do("ours", url=URL, via=via, hosts=OWN, path="direct")

    def sent_on(lab: Lab) -> str:
        via = ["http://{}:{}".format(*lab.gate)]
        return lab.gateway.do("ours", url="https://world.test/elsewhere", via=via, path="direct")

    def followed(lab: Lab) -> str:
        return lab.gateway.do(
            "library",
            url="https://world.test/elsewhere",
            environment={"HTTPS_PROXY": "http://{}:{}".format(*lab.gate)},
            follow=True,
        )

    def believing(lab: Lab) -> str:
        proxy = "http://{}:{}".format(*lab.gate)
        return lab.gateway.do("library", url=URL, environment={"HTTPS_PROXY": proxy})

    def straight(lab: Lab) -> str:
        return lab.gateway.do("ours", url=URL, hosts=OWN, path="direct")

    def numbered(lab: Lab) -> str:
        return lab.gateway.do("ours", url=STRAIGHT, via=lab.listeners, hosts=OWN)

    by_route, by_gate = (TYPES, NAMESPACE), (TYPES, LIST)
    asked = asking_gate(f"{NAME}:443")
    return [
        Vector("Google's name on the direct path", straight, by_route, naive=naive_name),
        Vector("Google's name on the gate's path", gated, by_gate, naive=asked),
        Vector("Google's address on Google's path", numbered, by_route, naive=naive_number),
        Vector("a redirect to Google", sent_on, by_gate, naive=followed),
        Vector(
            "NO_PROXY=*, HTTPS_PROXY and ALL_PROXY, with the tunnel down",
            poisoned,
            by_gate,
            state=Lab.half_open,
            naive=believing,
        ),
    ]


def naive_name(lab: Lab) -> str:
    """Look the name up and go there."""
    return lab.gateway.do("child", words=[URL])


def naive_number(lab: Lab) -> str:
    """Go there."""
    return lab.gateway.do("tcp", host=GOOGLE)


def _routed() -> list[Vector]:
    return [Vector("the sidecar as a router", router, (FIREWALL,))]


VECTORS = (
    *_namespace(),
    *_capable(),
    *_list(),
    *_firewall(),
    *_routed(),
    *_types(),
    *_tunnel(),
)
