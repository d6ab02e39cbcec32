"""What LiteLLM does not tell: the wire as it was, and what an attempt's failure means by it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import httpx
import msgspec

from portico.egress.clients import EgressError
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.faults import from_event, from_exception, from_status
from portico.upstreams.litellm_providers import Signs

KEPT = 16 * 1024
"""Bytes of an answer that are remembered: its last, where an error would stand."""

NOTED = 1024 * 1024
"""Bytes of what is sent beyond which it is not noted: pictures stand in it as they are."""

EDGE = 64
"""Bytes of one piece that are looked at again with the next, lest a sign was cut in two."""

CUT = Failure(Kind.UNAVAILABLE, "the answer ended without a finish reason", 200)
LEFT_OUT = Failure(Kind.INCAPABLE, "LiteLLM left a picture out of the request")
FRAMED = (b"{", b"[", b"data:", b"event:", b"id:", b"retry:", b":")
"""How an answer starts, streamed or not, of a provider whose signs are known."""

STRAY = Failure(Kind.UNAVAILABLE, "LiteLLM failed without having asked anybody")

CARRIAGE: Mapping[type[Exception], tuple[Kind, str]] = {
    httpx.ConnectTimeout: (Kind.UNREACHABLE, "no connection in time"),
    httpx.TimeoutException: (Kind.SILENT, "no answer in time"),
    httpx.ConnectError: (Kind.UNREACHABLE, "no connection"),
    httpx.ProxyError: (Kind.UNREACHABLE, "the proxy did not let us through"),
    httpx.TransportError: (Kind.UNAVAILABLE, "the connection was lost before the answer ended"),
    TimeoutError: (Kind.SILENT, "no answer in time"),
    OSError: (Kind.UNREACHABLE, "no connection"),
}
"""What an exception in the cause chain means, where nothing was seen of the wire."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer came from, as far as its meaning depends on that."""

    provider: str
    tunnelled: bool


class Witness:
    """
    Sees one attempt's wire; an `egress.httpx.Watch`.

    `finished` and `counted` say that the provider itself ended its answer and counted its
    tokens; both are believed where *signs* are not known. A picture of which *pictures* holds
    the beginning must be in what is sent.
    """

    def __init__(self, place: Place, signs: Signs | None, pictures: tuple[bytes, ...]) -> None:
        self.finished = self.counted = signs is None
        self._place = place
        self._signs = signs
        self._pictures = pictures
        self._failure: Failure | None = None
        self._status: int | None = None
        self._headers: Mapping[str, str] = {}
        self._start = self._seen = b""
        self.body: bytes | None = None  # what is sent, unless it is full of pictures
        self._edge = b""

    def sending(self, body: bytes) -> None:
        """Raise UpstreamFailed if *body* lacks a picture: the model would not miss it."""
        if not all(picture in body for picture in self._pictures):
            self._failure = LEFT_OUT
            raise UpstreamFailed(LEFT_OUT)
        self.body = body if len(body) <= NOTED else None

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Remember the head."""
        self._status, self._headers = status, headers

    def heard(self, data: bytes) -> None:
        """Look for the signs, and remember the end."""
        if self._status is None or self._status >= 400:
            self._seen = data
            return
        self._start = self._start or data.lstrip()[:EDGE]
        self._seen = (self._seen + data)[-KEPT:]
        if self._signs is not None:
            recent = self._edge + data
            self.finished = self.finished or self._signs.finish.search(recent) is not None
            self.counted = self.counted or self._signs.usage.search(recent) is not None
            self._edge = recent[-EDGE:]

    def lost(self, error: EgressError) -> None:
        """Remember why nothing more came."""
        self._failure = from_exception(error)

    def failure(self, now: float, otherwise: Failure) -> Failure:
        """
        Return what went wrong by what was on the wire: *otherwise* if that looks sound.

        *now* is in epoch seconds.
        """
        place = self._place
        if self._status is None or self._status == 200:
            return self._complaint(now) or self._failure or self._strange(now) or otherwise
        return from_status(
            place.provider,
            self._status,
            self._headers,
            self._seen,
            tunnelled=place.tunnelled,
            now=now,
        )

    def raised(self, error: Exception, now: float) -> Failure:
        """Return what *error*, which LiteLLM raised, means; its class is not consulted."""
        if self._status is None:
            return self._failure or unseen(error, self._place, now)
        unread = Failure(Kind.GARBLED, f"LiteLLM could not read it ({_class(error)})", 200)
        return self.failure(now, unread if self.finished else CUT)

    def _complaint(self, now: float) -> Failure | None:
        """An error object inside a 200: among the last events, or all there is."""
        for payload in _payloads(self._seen):
            try:
                value = msgspec.json.decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(value, dict) and (value.get("error") or _bare(value)):
                return from_event(self._place.provider, payload, now=now)
        return None

    def _strange(self, now: float) -> Failure | None:
        """A page, a text or nothing at all where an answer should be."""
        if self._status is None or self._signs is None or self._start.startswith(FRAMED):
            return None
        place = self._place
        return from_status(
            place.provider, 200, self._headers, self._seen, tunnelled=place.tunnelled, now=now
        )


def unseen(error: Exception, place: Place, now: float) -> Failure:
    """
    Return what *error* means where none of it was seen on the wire.

    That is LiteLLM's own refusal to ask, or a provider whose code there brings its own client:
    cause chain first, status second, text third. Only a provider's text is quoted: LiteLLM's
    own complaints hold the caller's messages.
    """
    for cause in _causes(error):
        kind = next((CARRIAGE[base] for base in type(cause).__mro__ if base in CARRIAGE), None)
        if kind is not None:
            return Failure(*kind)
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not 400 <= status <= 599:
        return replace(STRAY, detail=f"{STRAY.detail} ({_class(error)})")
    headers = getattr(error, "litellm_response_headers", None)
    text = re.sub(r"^litellm\.\w+: (?:\w+ - )?", "", str(error)).encode()
    failure = from_status(
        place.provider, status, dict(headers or {}), text, tunnelled=place.tunnelled, now=now
    )
    if headers:
        return failure
    # Not the provider's word: somebody else may well be able to take the request.
    kind_ = Kind.INCAPABLE if failure.kind is Kind.REJECTED else failure.kind
    return replace(failure, kind=kind_, detail=f"LiteLLM would not ask ({_class(error)})")


def _payloads(seen: bytes) -> Iterator[bytes]:
    """Whatever may be an error object: the last lines, and the whole of it."""
    for line in reversed(seen.rstrip().rsplit(b"\n", 8)):
        yield line.strip().removeprefix(b"data:").strip()
    yield seen.strip()


def _bare(value: Mapping[str, object]) -> bool:
    """SiliconFlow's shape (wire §3.3), which no answer has."""
    return isinstance(value.get("message"), str) and "code" in value


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__ or getattr(link, "original_exception", None)


def _class(error: Exception) -> str:
    return type(error).__name__
