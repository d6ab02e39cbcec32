"""Chunks that differ in their text alone, read many at a time without decoding each."""

from collections.abc import Sequence

import msgspec

from portico.chat.reply import Delta
from portico.upstreams.openai_chunks import only_text

MOST_HELD = 64 * 1024
"""Bytes of an open event that are looked at once more when the rest of it comes."""

_TRIES = 8  # events that are looked at for how this stream writes its text
_PROBE = "portico: is this the text?"
_MARKS = (b'"content":"', b'"content": "')
_ENDS = (b"\n\n", b"\r\n\r\n")

_texts = msgspec.json.Decoder(list[str]).decode


class Runs:
    """
    Knows how one stream writes an event that is nothing but text.

    Such an event was decoded in full once, and once more with another text in the place of its
    own. What has the same bytes before and after its text differs from it in nothing else: so
    much says the grammar of JSON, as long as what stands between is the inside of one string.
    Whatever is not exactly so is left to the decoder.
    """

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._tries = _TRIES

    @property
    def learning(self) -> bool:
        """True while none was, and is still expected."""
        return self._tries > 0 and not self._head

    @property
    def known(self) -> bool:
        """True once an event of text was seen."""
        return bool(self._head)

    def learn(self, payloads: Sequence[bytes], came: bytes) -> None:
        """Look at how *came*, the bytes that held *payloads*, writes one that is only text."""
        self._tries -= 1
        if not payloads:
            return
        payload = payloads[-1]  # the first may have begun before *came*
        at = came.find(payload)
        line = next((line for line in (b"data: ", b"data:") if came.endswith(line, 0, at)), b"")
        end = next((end for end in _ENDS if came.startswith(end, at + len(payload))), b"")
        found = _around(payload)
        if at > 0 and line and end and found is not None:
            self._head, self._tail = line + found[0], found[1] + end

    def take(self, data: bytes) -> tuple[Delta, int] | None:
        """
        Return what the events at the beginning of *data* say, and how many bytes they are.

        None: they are not all of text, or not in this stream's way, and have to be decoded.
        """
        head, tail = self._head, self._tail
        end = data.rfind(tail) if data.startswith(head) else -1
        if end < 0:
            return None
        run = data[: end + len(tail)]
        # A line a text, and an empty one: `split` looks for one byte with the processor's own
        # search, and for something as long as `tail + head` in twice the time.
        lines = run.split(b"\n")[:-1:2]
        first, last = len(head), -tail.index(b"\n")
        pieces = [line[first:last] for line in lines]
        if head + (tail + head).join(pieces) + tail != run:
            return None
        if b'"' in b"".join(pieces):  # also an escaped one: the decoder reads it as well
            return None
        try:
            # Half an escape at the end of one would leave the last string open: that is no JSON.
            texts = _texts(b'["' + b'","'.join(pieces) + b'"]')
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        said = pieces if all(pieces) else [piece for piece in pieces if piece]
        return Delta("".join(texts), pieces=tuple(said)), len(run)


def parted(came: bytes) -> tuple[bytes, bytes]:
    """Return *came* up to the end of the first event in it, and the rest."""
    size = len(came)
    for end in _ENDS:  # the second is looked for in front of the first only, not to the very end
        at = came.find(end, 0, size)
        if at >= 0:
            size = at + len(end)
    return came[:size], came[size:]


def _around(payload: bytes) -> tuple[bytes, bytes] | None:
    """Return what stands before and after the text of *payload*, if it is nothing but text."""
    if sum(map(payload.count, _MARKS)) != 1 or not only_text(payload):
        return None
    mark = next(mark for mark in _MARKS if mark in payload)
    begin = payload.index(mark) + len(mark)
    end = payload.find(b'"', begin)
    head, tail = payload[:begin], payload[end:]
    return (head, tail) if only_text(head + _PROBE.encode() + tail) == _PROBE else None
