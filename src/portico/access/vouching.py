"""What a front end says of its user and its chat, as far as it may be believed."""

import hmac
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from portico.access.base import Conversation, User

NOTHING = Conversation()

TOKEN = b"x-openwebui-user-jwt"
"""Open WebUI's signed user (FORWARD_USER_INFO_HEADER_JWT_SECRET); openwebui.md §6."""

LONGEST = 200
"""Characters of a value; what is longer is no id of a front end's, and is left out."""

LONGEST_TOKEN = 4096
SKEW = 10.0
"""Seconds that a front end's clock may be ahead of ours."""

# Open WebUI's own names, and those its connections can be told to send (openwebui.md §6).
_CHAT = (b"x-openwebui-chat-id", b"x-owui-chat-id", b"x-owui-chat")
_MESSAGE = (b"x-openwebui-message-id", b"x-owui-message-id", b"x-owui-message")
_TASK = (b"x-openwebui-task", b"x-owui-task")
_USER = (
    b"x-openwebui-user-id",
    b"x-openwebui-user-email",
    b"x-openwebui-user-name",
    b"x-openwebui-user-role",
)

SIGNS = frozenset((TOKEN, *_CHAT, *_MESSAGE, *_TASK, *_USER))
"""Everything that is listened to; most requests have none of it."""


class _Head(Struct):
    alg: str


class _Claims(Struct):
    exp: float
    sub: str | None = None
    email: str | None = None
    name: str | None = None
    role: str | None = None
    iss: str | None = None
    iat: float | None = None
    nbf: float | None = None


_head = msgspec.json.Decoder(_Head)
_claims = msgspec.json.Decoder(_Claims)


def heard(
    headers: Mapping[bytes, bytes], *, trusted: bool, secret: bytes | None, now: float
) -> Conversation:
    """
    Return where *headers* say a request comes from, as far as they are to be believed.

    They are if the key is *trusted*, or if they bring a user whom *secret* has signed; a token
    that is not good names nobody, and then plain headers do not either. *now* is epoch seconds.
    """
    token = headers.get(TOKEN)
    user = signed_user(token, secret, now) if token is not None and secret else None
    if not trusted and user is None:
        return NOTHING
    if token is None and trusted:
        user = _plain_user(headers)
    chat, message, task = (_first(headers, names) for names in (_CHAT, _MESSAGE, _TASK))
    return Conversation(chat, message, task, user)


def signed_user(token: bytes, secret: bytes, now: float) -> User | None:
    """
    Return whom an HS256 token names, None if *secret* has not signed it or it is not good *now*.

    No other algorithm counts, whatever the token's head says.
    """
    if len(token) > LONGEST_TOKEN or token.count(b".") != 2:
        return None
    signed, _, signature = token.rpartition(b".")
    head, _, body = signed.partition(b".")
    try:
        if not hmac.compare_digest(_decoded(signature), hmac.digest(secret, signed, "sha256")):
            return None
        if _head.decode(_decoded(head)).alg != "HS256":
            return None
        claims = _claims.decode(_decoded(body))
    except (NotBase64, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not _in_time(claims, now) or claims.iss not in (None, "open-webui"):
        return None
    user = User(*map(_clean, (claims.sub, claims.email, claims.name, claims.role)))
    return user if user.id or user.email else None


def _in_time(claims: _Claims, now: float) -> bool:
    begins = max(claims.iat or 0.0, claims.nbf or 0.0)
    return begins - SKEW <= now < claims.exp


def _decoded(part: bytes) -> bytes:
    if part.endswith(b"="):
        raise NotBase64("a token's parts are not padded")
    if part.translate(None, b"-_").isalnum() or not part:
        return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    raise NotBase64("a strange character")


def _plain_user(headers: Mapping[bytes, bytes]) -> User | None:
    ident, email, name, role = (_first(headers, (one,)) for one in _USER)
    if ident is None and email is None:
        return None
    return User(ident, email, None if name is None else _clean(unquote(name)), role)


def _first(headers: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> str | None:
    for name in names:
        if (value := headers.get(name)) is not None:
            found = _clean(value.decode("latin-1"))
            if found is not None:
                return found
    return None


def _clean(text: str | None) -> str | None:
    """Ids and names are short and printable; whatever else comes is none."""
    if text is None:
        return None
    text = text.strip()
    return text if 0 < len(text) <= LONGEST and text.isprintable() else None
