"""A request's pictures, and its bodies with references in their places."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from portico.traces.base import Capture
from portico.traces.redaction import MASK
from portico.traces.story import PictureTold
from portico.traces.tape import Sight, Tape

SAME = {"$ref": "#/request/messages"}
"""What stands in an upstream's request where it is word for word the caller's (a JSON pointer)."""

type Kept = Mapping[str, str]
"""The artifacts that a request's pictures are kept as, by their places in it."""

_TICKET = re.compile(r"portico-[0-9a-f]{32}\.\d+")
_PLACE = re.compile(r"messages\[(\d+)\]\.content\[(\d+)\]\.image_url\.url")
_SAME = msgspec.json.encode(SAME)
_BEGINNING = 64  # bytes by which messages are looked for


class Bodies:
    """What came and what was sent, as a story holds them; `request` is to be asked for first."""

    def __init__(self, tape: Tape, kept: Kept) -> None:
        self._tape = tape
        self._whole = tape.capture is Capture.FULL
        self._kept = kept if self._whole else {}
        self._messages = bytes(tape.request.fields.get("messages", b""))
        self._came: list[PictureTold] = []
        self._shown: list[PictureTold] = []
        self._refs: dict[str, str] = {}

    def request(self) -> Any:
        """Return the caller's body."""
        tape = self._tape
        self._look()
        whole = msgspec.json.encode(dict(tape.request.fields))
        if not (tape.lying or self._kept or _escaped(whole)):
            return Raw(whole)  # nearly every one: field by field it takes ten times as long
        fields: dict[str, Any] = dict(tape.request.fields)
        if self._messages and (tape.lying or self._kept):
            messages = msgspec.json.decode(self._referring(self._messages.decode()))
            for place, ident in self._kept.items():
                _point(messages, place, f"artifact:{ident}")
            fields["messages"] = messages
        return {name: _plain(value) for name, value in fields.items()}

    def told(self) -> tuple[PictureTold, ...]:
        """Return every picture, and what was shown of each."""
        return (*self._came, *self._shown)

    def sent(self, body: bytes | None) -> Any:
        """Return what was sent for one attempt."""
        if body is None:
            return None
        text = self._unlike(body).decode("utf-8", "replace")
        try:
            return _plain(msgspec.json.decode(self._referring(text), type=Raw))
        except (msgspec.DecodeError, RecursionError):
            return MASK  # a dialect's that is no JSON

    def _unlike(self, body: bytes) -> bytes:
        """Return *body* without the messages, where they stand in it as they came."""
        came = self._messages
        if len(came) <= 2:
            return body
        at = body.find(came[:_BEGINNING])  # to search for all of something that long is dear
        while at >= 0 and not body.startswith(came, at):
            at = body.find(came[:_BEGINNING], at + 1)
        return body if at < 0 else b"".join((body[:at], _SAME, body[at + len(came) :]))

    def _referring(self, text: str) -> str:
        if not self._refs:
            return text
        return _TICKET.sub(lambda found: self._refs.get(found[0], found[0]), text)

    def _look(self) -> None:
        """Number what came, and what was shown of it."""
        tape = self._tape
        links = _linked(tape)
        raws = {sight.place: sight.raw for sight in tape.sights}
        for place, (kind, ticket, size) in links.items():
            self._came.append(
                PictureTold(
                    place=place,
                    type=kind,
                    bytes=size,
                    ref=self._named(ticket, f"picture:{len(self._came)}"),
                    artifact=self._kept.get(place),
                    sha256=raws.get(place) if self._whole else None,
                )
            )
        for sight in tape.sights:
            self._shown += self._views(sight)

    def _views(self, sight: Sight) -> list[PictureTold]:
        if not sight.views:
            return [PictureTold(place=sight.place, target=sight.target, recipe="as it came")]
        first = len(self._shown)
        return [
            PictureTold(
                place=sight.place,
                target=sight.target,
                type=view.mime,
                bytes=view.size,
                ref=self._named(view.ticket, f"shown:{first + at}"),
                width=view.width,
                height=view.height,
                part=view.part,
                sheet=view.sheet,
                recipe=view.recipe,
                pixels=view.pixels if self._whole else None,
            )
            for at, view in enumerate(sight.views)
        ]

    def _named(self, ticket: str | None, ref: str) -> str | None:
        if ticket:
            self._refs[ticket] = ref
        return ref


def _linked(tape: Tape) -> dict[str, tuple[str, str, int | None]]:
    """Return every picture of the request by its place: its type, its ticket, its bytes."""
    found: dict[str, tuple[str, str, int | None]] = {}
    for index, message in enumerate(tape.request.messages):
        if not isinstance(message.content, list):
            continue
        for at, part in enumerate(message.content):
            if part.link is None or part.modality != "image":
                continue
            head, _, held = part.link.url[:200].partition(",")
            inline = head.startswith("data:")
            kind = head[5:].partition(";")[0] if inline else ""
            size = tape.lying.get(held, len(part.link.url)) * 3 // 4 if inline else None
            place = f"messages[{index}].content[{at}].image_url.url"
            found[place] = (kind, held if inline else "", size)
    return found


def _point(messages: list[Any], place: str, url: str) -> None:
    """Let the picture at *place* be *url*; what is not there stays so."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return
    try:
        part = messages[int(match[1])]["content"][int(match[2])]
        held = part["image_url"]
    except (LookupError, TypeError):
        return
    if isinstance(held, dict):
        held["url"] = url
    else:
        part["image_url"] = url


def _plain(value: Any) -> Any:
    """
    Return raw JSON without escapes that it does not need: what is looked for must not hide in one.

    Numbers stay as they were written wherever nothing is escaped.
    """
    if not isinstance(value, Raw):
        return value
    text = bytes(value)
    return msgspec.json.decode(text) if _escaped(text) else value


def _escaped(text: bytes) -> bool:
    """Return whether the JSON *text* may escape what needs none."""
    return b"\\" in text and (b"\\u" in text or b"\\/" in text)
