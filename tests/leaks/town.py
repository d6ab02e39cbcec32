"""
The town: a lab with its networks, two exits, Google, the rest of the world, and a street between.

    gateway ──┐                       ┌── exit1, exit2
    sidecar ──┼── eg0 ═══ street ═════┼── google
    gate    ──┘      (bridge, router) └── world (and 1.1.1.1, which answers names)

`eg0` is the internal network: the street bridges it and has no address on it. Sidecar and gate
have a second leg, `wan0`, which the street routes. The street counts what really passes.
"""

import time
from pathlib import Path

import msgspec

from tests.leaks.houses import House

GATEWAY, SIDECAR, GATE = "10.91.20.10", "10.91.20.20", "10.91.20.30"
HOST, HOST_OUTSIDE = "10.91.20.1", "10.91.40.1"
EXIT1, EXIT2 = "45.32.100.7", "45.32.101.7"
GOOGLE, GOOGLE6, GOOGLE_DNS = "142.250.74.10", "2607:f8b0::10", "8.8.8.8"
WORLD, DNS = "185.199.108.10", "1.1.1.1"
NAME = "generativelanguage.googleapis.com"
NAMES = {
    NAME: (GOOGLE, GOOGLE6),
    "world.test": (WORLD,),
    "site.test": (WORLD,),
    "metadata.test": ("169.254.169.254",),
    "inside.test": ("10.91.41.20",),
    "exit1.test": (EXIT1,),
}

# Exits may go where they like. IPv6's own talk with its neighbours (types 130 to 143) is no leak.
OBSERVER = f"""
table inet street {{
  counter google4 {{}}
  counter google6 {{}}
  counter dns {{}}
  counter other {{}}
  chain seen {{
    type filter hook prerouting priority mangle; policy accept;
    iifname {{ "exit1", "exit2", "google", "lo" }} return
    ip daddr {{ 142.250.0.0/15, 8.8.8.0/24 }} counter name google4 return
    ip6 daddr 2607:f8b0::/32 counter name google6 return
    ct direction reply return
    icmpv6 type 130-143 return
    iifname {{ "eg", "sidecar" }} meta l4proto {{ tcp, udp }} th dport {{ 53, 853 }} goto names
    iifname "sidecar" ip daddr . tcp dport {{ {EXIT1} . 443, {EXIT2} . 8388 }} return
    iifname {{ "eg", "sidecar" }} counter name other return
    iifname "gate" ip daddr {{ 10.0.0.0/8, 169.254.0.0/16 }} counter name other
  }}
  chain names {{
    counter name dns
  }}
  chain lost {{
    type filter hook forward priority filter; policy accept;
  }}
}}
"""

_ADDRESSES = {
    "sidecar": ("10.91.41.20", "10.91.41.1", "fd00:41::20", "fd00:41::1"),
    "gate": ("10.91.40.30", HOST_OUTSIDE, "fd00:40::30", "fd00:40::1"),
    "exit1": (EXIT1, "45.32.100.1", "fd00:71::7", "fd00:71::1"),
    "exit2": (EXIT2, "45.32.101.1", "fd00:72::7", "fd00:72::1"),
    "google": (GOOGLE, "142.250.74.1", GOOGLE6, "2607:f8b0::1"),
    "world": (WORLD, "185.199.108.1", "2606:50c0::10", "2606:50c0::1"),
}
_BRIDGE = (f"{HOST}/24", "fd00:20::1/64", "fe80::1/64")
_NO_IPV6 = "ipv6/conf/eg0/disable_ipv6"
_INSIDE = {"gateway": GATEWAY, "sidecar": SIDECAR, "gate": GATE}


class Town:
    """All houses and the wires between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.houses: dict[str, House] = {}
        try:
            for name in ("street", "gateway", *_ADDRESSES):
                self.houses[name] = House(name, folder)
            self._wire()
        except BaseException:
            self.tear_down()
            raise

    def __getitem__(self, name: str) -> House:
        return self.houses[name]

    def tear_down(self) -> None:
        """Leave nothing behind."""
        for house in self.houses.values():
            house.tear_down()

    def _wire(self) -> None:
        street = self["street"]
        street.sysctl(
            {
                "ipv4/ip_forward": "1",
                "ipv6/conf/all/forwarding": "1",
                "ipv4/conf/all/rp_filter": "0",
                "ipv4/conf/default/rp_filter": "0",
                "bridge/bridge-nf-call-iptables": "0",  # what only crosses the bridge is inside
                "bridge/bridge-nf-call-ip6tables": "0",
            }
        )
        lines = ["link add eg type bridge", "link set eg up"]
        for name in _INSIDE:
            lines += [
                f"link add in-{name} type veth peer name eg-{name}",
                f"link set in-{name} master eg up",
            ]
        for name, (_, near, _, near6) in _ADDRESSES.items():
            lines += [f"link add {name} type veth peer name far-{name}"]
            lines += [f"addr add {near}/24 dev {name}", f"addr add {near6}/64 dev {name} nodad"]
            lines += [f"link set {name} up"]
        lines += [f"route add {GOOGLE_DNS} via {GOOGLE}", f"route add {DNS} via {WORLD}"]
        street.batch("\n".join(lines))
        street.run("nft", "-f", "-", given=OBSERVER)
        for name, house in self.houses.items():
            self._connect(name, house)

    def _connect(self, name: str, house: House) -> None:
        """Take the far ends of the wires into *house*."""
        # Named by process id, which only somebody outside of all houses can do.
        lines, moved = [], []
        if name in _INSIDE:
            moved.append((f"eg-{name}", "eg0"))
            lines += [f"addr add {_INSIDE[name]}/24 dev eg0", "link set eg0 up"]
        if name in _ADDRESSES:
            far, near, far6, near6 = _ADDRESSES[name]
            moved.append((f"far-{name}", "wan0"))
            lines += [f"addr add {far}/24 dev wan0", f"addr add {far6}/64 dev wan0 nodad"]
            lines += ["link set wan0 up", f"route add default via {near}"]
            lines += [f"route add ::/0 via {near6}"]
        for old, new in moved:
            self._move(old, new, house)
        house.sysctl({_NO_IPV6: "1", "ipv4/ping_group_range": "0 2147483647"})
        extra = {"google": GOOGLE_DNS, "world": DNS}.get(name)
        lines += [f"addr add {extra}/32 dev lo"] if extra else []
        house.batch("\n".join(lines))

    def _move(self, old: str, new: str, house: House) -> None:
        self["street"].outside("ip", "link", "set", old, "netns", str(house.pid), "name", new)

    # -- what is seen

    def reset(self) -> None:
        """Begin to count anew."""
        self["street"].run("nft", "reset", "counters", "table", "inet", "street")

    def seen(self) -> dict[str, int]:
        """Return what has passed since, by kind, without what has not."""
        return counters(self["street"])

    def settled(self) -> dict[str, int]:
        """Return what has passed, once nothing more comes."""
        seen = self.seen()
        for _ in range(20):
            time.sleep(0.1)
            before, seen = seen, self.seen()
            if seen == before:
                break
        return seen

    # -- the gateway's namespace, and its opposite

    def open_gateway(self) -> None:
        """Give the gateway a way out, IPv6 and names: the layer that it is meant to lack."""
        self["street"].batch("\n".join(f"addr add {each} dev eg nodad" for each in _BRIDGE))
        gateway = self["gateway"]
        gateway.sysctl({_NO_IPV6: "0", "ipv6/conf/eg0/accept_dad": "0"})
        gateway.batch(
            f"route add default via {HOST}\naddr add fd00:20::10/64 dev eg0 nodad\n"
            "route add ::/0 via fd00:20::1"
        )
        gateway.names(DNS)

    def close_gateway(self) -> None:
        """Take all of it back."""
        gateway = self["gateway"]
        gateway.names("127.0.0.1")
        gateway.batch("route del default\nroute del ::/0\nneigh flush dev eg0")
        gateway.sysctl({_NO_IPV6: "1"})
        self["street"].batch("\n".join(f"addr del {each} dev eg" for each in _BRIDGE))

    def bridge(self) -> str:
        """Return the hardware address of the street's own end of the internal network."""
        shown = msgspec.json.decode(self["street"].run("ip", "-j", "link", "show", "eg"))
        return str(shown[0]["address"])

    def counted(self) -> int:
        """Return what the sidecar's firewall has held back."""
        return counters(self["sidecar"]).get("leak", 0)


def counters(house: House) -> dict[str, int]:
    """Return the packets of all named counters of *house* that are not zero."""
    listed = msgspec.json.decode(house.run("nft", "-j", "list", "counters"))["nftables"]
    found = [entry["counter"] for entry in listed if "counter" in entry]
    return {each["name"]: each["packets"] for each in found if each["packets"]}
