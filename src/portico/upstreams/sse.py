"""Server-sent events out of a byte stream, however the network cut it."""

MAX_EVENT = 32 * 1024 * 1024
KEPT = 64 * 1024

_BOM = b"\xef\xbb\xbf"
_LF, _CR = 10, 13
_IGNORED = (b":", b"event", b"id", b"retry")


class Events:
    """
    Turns chunks of a `text/event-stream` into the payloads of its events.

    A payload is the joined `data:` lines of one event, as bytes; an event without data gives
    none. Lines may end in LF, CRLF or CR and may be cut anywhere, also within a character or
    between CR and LF. What is no line of the format (a raw JSON error, a portal's page) is kept
    for `rest`. One instance reads one stream.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_fresh",
        "_max",
        "_open",
        "_pieces",
        "_size",
        "_stray",
        "_strayed",
    )

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._max = max_event
        self._fresh = True  # no line read yet: a byte order mark may come
        self._after_cr = False  # the last byte was CR: a LF now would be its other half
        self._pieces: list[bytes] = []  # of the line that has not ended
        self._open = 0  # their bytes
        self._data: list[bytes] = []  # of the event that has not ended
        self._size = 0  # their bytes
        self._stray: list[bytes] = []
        self._strayed = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """
        Return the payloads that *chunk* completes, in order.

        Raises:
            ValueError: one event is over the bound; nothing after it can be read.
        """
        found: list[bytes] = []
        data = self._data
        for line in self._lines(chunk):
            if line.startswith(b"data:"):
                self._size = self._bounded(self._size + len(line))
                data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
            elif line:
                self._other(line)
            elif data:
                payload = data[0] if len(data) == 1 else b"\n".join(data)
                if payload:
                    found.append(payload)
                data.clear()
                self._size = 0
        return found

    def end(self) -> list[bytes]:
        """
        Return the payload that lacked only its blank line; call it once, when the stream is over.

        The format would drop that event. Some providers forget the last blank line, and half a
        payload never parses as a whole one, so giving it is safe.
        """
        return self.feed(b"\n\n")

    def rest(self) -> bytes:
        """Return what never became an event, for diagnosis: at most its first 64 KB."""
        held = [b"data: " + line for line in self._data]
        partial = b"".join(self._pieces)
        return b"\n".join([*self._stray, *held, *([partial] if partial else [])])[:KEPT]

    def reopen(self, most: int) -> bytes | None:
        """
        Give back the line that has not ended, so that it can be read otherwise or fed again.

        None inside an event, and for a line of more than *most* bytes: those are not to be had.
        """
        if self._data or self._after_cr or self._fresh or self._open > most:
            return None
        held = b"".join(self._pieces)
        self._pieces.clear()
        self._open = 0
        return held

    def _lines(self, chunk: bytes) -> list[bytes]:
        """Return the lines that *chunk* ends; keep the one it leaves open."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return []
        lines = chunk.splitlines()  # for bytes exactly CR, LF and CRLF
        last = chunk[-1]
        self._after_cr = last == _CR
        opened = b"" if last in (_LF, _CR) else lines.pop()
        if lines and self._pieces:
            lines[0] = b"".join((*self._pieces, lines[0]))
            self._pieces.clear()
            self._open = 0
        if opened:
            self._open = self._bounded(self._open + len(opened))
            self._pieces.append(opened)
        if lines and self._fresh:
            self._fresh = False
            lines[0] = lines[0].removeprefix(_BOM)
        return lines

    def _bounded(self, size: int) -> int:
        if size > self._max:
            raise ValueError(f"an event is over {self._max} bytes")
        return size

    def _other(self, line: bytes) -> None:
        """Take a line that is not `data:` with a colon: a field to skip, or no field at all."""
        field = line if line.startswith(b":") else line.partition(b":")[0]
        if field == b"data":
            self._data.append(b"")
        elif not (line.startswith(b":") or field in _IGNORED) and self._strayed < KEPT:
            self._stray.append(line[:KEPT])
            self._strayed += len(line)
