"""What a single field of a tunnel may hold. Every check raises Refused and echoes nothing."""

import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from portico.egress.tunnels.reasons import Reason, Refused

FINGERPRINTS = frozenset(
    ("chrome", "firefox", "safari", "ios", "android", "edge", "360", "qq", "random", "randomized")
)
"""The uTLS names that Xray (`transport/internet/tls`) and sing-box (`tls.utls`) share."""

AEAD = frozenset(("aes-128-gcm", "aes-256-gcm", "chacha20-ietf-poly1305"))
KEY_BYTES = {
    "2022-blake3-aes-128-gcm": 16,
    "2022-blake3-aes-256-gcm": 32,
    "2022-blake3-chacha20-poly1305": 32,
}
"""SIP022 §2.1."""

_STREAM = re.compile(r"rc4|-cfb|-ctr|table|salsa20|^x?chacha20(-ietf)?$")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_VISIBLE = re.compile(r"[!-~]*")
_SHORT_ID = re.compile(r"([0-9a-f]{2}){0,8}")
_RANGE = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})?")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_PRIVATE = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)


def address(text: str, reason: Reason = Reason.BAD_HOST) -> str:
    """Return the host name or IP address *text* in its one form: lower case, no brackets."""
    literal = ip(text)
    if literal is None:
        return _host_name(text.lower(), reason)
    if literal.is_multicast or literal.is_unspecified or "%" in text:
        raise Refused(reason)
    return str(literal)


def ip(text: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that *text* is, or None."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def private(text: str) -> bool:
    """Tell whether *text* is an address of this host or of a private network; a name is not."""
    literal = ip(text)
    return literal is not None and any(literal in block for block in _PRIVATE)


def _host_name(text: str, reason: Reason) -> str:
    labels = text.split(".")
    # A last label of digits is an IPv4 address in a spelling that only some programs read.
    if len(text) > 253 or _NUMERIC.fullmatch(labels[-1]):
        raise Refused(reason)
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused(reason)
    return text


def port(number: int) -> None:
    """Check that *number* is a port."""
    if isinstance(number, bool) or not 1 <= number <= 65535:
        raise Refused(Reason.BAD_PORT)


def label(text: str) -> None:
    """Check that *text* can name a tunnel, also inside an engine's configuration."""
    if not _NAME.fullmatch(text):
        raise Refused(Reason.BAD_LABEL)


def uuid(text: str) -> None:
    """Check that *text* is a UUID in its canonical form; Xray would hash anything else."""
    try:
        canonical = str(UUID(text))
    except ValueError:
        raise Refused(Reason.BAD_UUID) from None
    if canonical != text:
        raise Refused(Reason.BAD_UUID)


def path(text: str, reason: Reason = Reason.BAD_PATH) -> None:
    """Check that *text* is a path of printable ASCII."""
    if not text.startswith("/"):
        raise Refused(reason)
    visible(text, reason)


def visible(text: str, reason: Reason) -> None:
    """Check that *text*, which may be empty, is printable ASCII without spaces."""
    if not _VISIBLE.fullmatch(text):
        raise Refused(reason)


def span(text: str) -> None:
    """Check that *text* is empty, a number, or a range of numbers such as 100-1000."""
    if not text:
        return
    if not _RANGE.fullmatch(text):
        raise Refused(Reason.BAD_EXTRA)
    first, _, last = text.partition("-")
    if int(first) > int(last or first):
        raise Refused(Reason.BAD_EXTRA)


def public_key(text: str) -> None:
    """Check a REALITY public key: 32 bytes, base64url, no padding (Xray's RawURLEncoding)."""
    try:
        key = urlsafe_b64decode(text + "=")
    except ValueError:
        raise Refused(Reason.BAD_PUBLIC_KEY) from None
    if len(key) != 32 or urlsafe_b64encode(key).decode() != text + "=":
        raise Refused(Reason.BAD_PUBLIC_KEY)


def short_id(text: str) -> None:
    """Check a REALITY short id: up to eight bytes in lower-case hexadecimal."""
    if not _SHORT_ID.fullmatch(text):
        raise Refused(Reason.BAD_SHORT_ID)


def cipher(method: str) -> None:
    """Check that *method* is a Shadowsocks method that protects what it carries."""
    if method in AEAD or method in KEY_BYTES:
        return
    if method in ("none", "plain", "dummy"):
        raise Refused(Reason.NO_CIPHER)
    raise Refused(Reason.STREAM_CIPHER if _STREAM.search(method) else Reason.UNKNOWN_CIPHER)


def password(method: str, text: str) -> None:
    """Check the password of *method*; of 2022 it is one key, or several joined by colons."""
    if not text:
        raise Refused(Reason.MISSING_PASSWORD)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise Refused(Reason.BAD_PASSWORD)
    size = KEY_BYTES.get(method)
    if size is None:
        return
    keys = text.split(":")
    if len(keys) > 1 and "aes" not in method:  # SIP023 defines identity headers for AES only
        raise Refused(Reason.KEY_CHAIN)
    if not all(_holds(key, size) for key in keys):
        raise Refused(Reason.BAD_KEY)


def _holds(key: str, size: int) -> bool:
    try:
        return len(b64decode(key, validate=True)) == size
    except (Error, ValueError):
        return False
