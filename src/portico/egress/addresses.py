"""
Which addresses are those of the public internet, in whatever notation. Pure.

The tables are IANA's special-purpose registries (IPv4 and IPv6, RFC 6890), written out because
`ipaddress.is_global` says something else with every patch of Python.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

type Address = IPv4Address | IPv6Address

_CLOSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT, and the metadata of some clouds
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's wire server, seen only from inside
            "169.254.0.0/16",  # link-local, and the metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_UNICAST = IPv6Network("2000::/3")  # all that IANA gives out; loopback, ULA, link-local are outside
_CLOSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo (an IPv4 address in disguise), benchmarks, ORCHID
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address in disguise, and dead (RFC 7526)
            "3fff::/20",
        ),
    )
)
_TRANSLATED = IPv6Network("64:ff9b::/96")  # what DNS64 makes of an IPv4 address: that one counts


def permitted(address: Address) -> bool:
    """Say whether *address* is one of the public internet: unicast, and no disguise."""
    if isinstance(address, IPv4Address):
        return not any(address in closed for closed in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return permitted(address.ipv4_mapped)
    if address in _TRANSLATED:
        return permitted(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _UNICAST and not any(address in closed for closed in _CLOSED_V6)


def number(host: str) -> Address | None:
    """Return the address that *host* is a notation of, or None for a name."""
    try:
        if ":" in host:
            return IPv6Address(host)
        return IPv4Address(socket.inet_aton(host))  # as resolvers read: 127.1, 0177.0.0.1, 0x7f.1
    except (OSError, ValueError):
        return None  # and then it is no name either, if it looks like a number
