"""`ss://` links: SIP002, SIP022's plain ones, and the old form that is base64 as a whole."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from urllib.parse import quote

from portico.egress.tunnels import fields
from portico.egress.tunnels.parts import Parts, left_over, unescape
from portico.egress.tunnels.reasons import Advice, Caution, Reason, Refused
from portico.egress.tunnels.values import Shadowsocks

PLUGINS = frozenset(
    ("obfs-local", "simple-obfs", "v2ray-plugin", "xray-plugin", "shadow-tls", "kcptun")
)
_ALIASES = {"chacha20-poly1305": "chacha20-ietf-poly1305"}  # as go-shadowsocks2 and Xray say it
_PLAIN = {"type": ("tcp", "raw"), "security": ("none",), "headerType": ("none",)}


def unfold(rest: str) -> str:
    """
    Return what follows `ss://` in the form of SIP002; raises Refused.

    The old form is base64 of `method:password@host:port`, of which nothing is escaped.
    """
    body, mark, tail = _cut(rest)
    if "@" in body:
        return rest
    plain = _decoded(body) or _decoded(body.removesuffix("/"))
    user, _, server = plain.rpartition("@")
    method, colon, password = user.partition(":")
    if not colon:
        raise Refused(Reason.NOT_BASE64)
    return f"{quote(method, safe='')}:{quote(password, safe='')}@{server}{mark}{tail}"


def read(parts: Parts) -> tuple[Shadowsocks, tuple[Caution, ...]]:
    """Return the tunnel that *parts* describe; raises Refused."""
    left = dict(parts.parameters)
    if plugin := left.pop("plugin", ""):
        name = plugin.partition(";")[0]
        raise Refused(Reason.PLUGIN, name if name in PLUGINS else "one of another name")
    for name, harmless in _PLAIN.items():  # Xray's own additions: Shadowsocks inside a transport
        if left.pop(name, harmless[0]) not in ("", *harmless):
            raise Refused(Reason.UNSUPPORTED_PARAMETER, name)
    plain = ":" in parts.user
    user = parts.user if plain else _decoded(unescape(parts.user))
    method, colon, password = user.partition(":")
    if not colon:
        raise Refused(Reason.NOT_BASE64)
    if plain:
        method, password = unescape(method), unescape(password)
    method = method.lower()
    method = _ALIASES.get(method, method)
    tunnel = Shadowsocks(parts.host, parts.port, method, password)
    found = left_over(left, frozenset())
    encoded = not plain and method in fields.KEY_BYTES
    return tunnel, (Caution(Advice.ENCODED_2022), *found) if encoded else found


def user(tunnel: Shadowsocks) -> str:
    """Return method and password as SIP002 wants them: 2022 escaped, others in base64url."""
    if tunnel.method in fields.KEY_BYTES:
        return f"{tunnel.method}:{quote(tunnel.password, safe='')}"
    whole = f"{tunnel.method}:{tunnel.password}".encode()
    return urlsafe_b64encode(whole).decode().rstrip("=")


def _cut(rest: str) -> tuple[str, str, str]:
    for at, letter in enumerate(rest):
        if letter in "?#":
            return rest[:at], letter, rest[at + 1 :]
    return rest, "", ""


def _decoded(text: str) -> str:
    """Return the text that *text* is in either base64, padded or not; empty if it is none."""
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode()
    except (Error, ValueError):
        return ""
