"""The keeper of reasoning texts, which DeepSeek wants back and clients do not give back."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from portico.chat.messages import Message
from portico.chat.reply import Batch

UNGUESSABLE = 16
"""Characters from which on a tool call's id is taken to be nobody else's."""


class Reasonings:
    """
    Remembers what a model thought before an assistant's turn.

    Bounded twice, least recently used first out: *limit* entries and *weight* characters. It is
    one process's memory and never more: what is forgotten goes back empty.
    """

    def __init__(self, limit: int = 10_000, weight: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._weight = weight
        self._held = 0
        self._kept: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def remember(self, owner: str, key: str, reasoning: str) -> None:
        """Keep *reasoning* for that turn of *owner* (an upstream's model); the newest counts."""
        self._held += len(reasoning) - len(self._kept.pop((owner, key), ""))
        self._kept[owner, key] = reasoning
        while len(self._kept) > self._limit or self._held > self._weight:
            self._held -= len(self._kept.popitem(last=False)[1])

    def recall(self, owner: str, key: str) -> str:
        """Return what *owner* thought before that turn, "" if that is not known."""
        reasoning = self._kept.get((owner, key), "")
        if reasoning:
            self._kept.move_to_end((owner, key))
        return reasoning


class Trail:
    """
    A conversation so far, as a digest.

    An assistant's turn is known by its first tool call's id, or else by its own text and all
    that was said before it: two callers who got the same short answer never share a thought.
    """

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._digest = blake2b(digest_size=16)
        for message in messages:
            self.hear(message)

    def hear(self, message: Message) -> None:
        """Take one more message into account."""
        calls = [call.id for call in message.tool_calls or ()]
        self._add(message.role, message.text.strip(), message.tool_call_id or "", *calls)

    def key(self, text: str, calls: Sequence[str]) -> str:
        """Return the key of the assistant's turn that comes next."""
        if calls and len(calls[0]) >= UNGUESSABLE:
            return calls[0]
        turn = Trail()
        turn._digest = self._digest.copy()
        turn._add("turn", text.strip(), *calls)
        return turn._digest.hexdigest()

    def _add(self, *pieces: str) -> None:
        for piece in pieces:
            data = piece.encode("utf-8", "surrogatepass")
            self._digest.update(len(data).to_bytes(8))
            self._digest.update(data)


class Note:
    """Listens to one answer and files its reasoning once it has ended."""

    def __init__(self, keeper: Reasonings, owner: str, messages: Sequence[Message]) -> None:
        self._keeper = keeper
        self._owner = owner
        self._messages = messages
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[str] = []

    def hear(self, batch: Batch) -> None:
        """Take what came; only the first choice can become part of a conversation."""
        for delta in batch:
            if delta.choice == 0:
                self._text.append(delta.text)
                self._reasoning.append(delta.reasoning)
                self._calls += [call.id for call in delta.tool_calls if call.id]
                if delta.finish:
                    self._file()

    def _file(self) -> None:
        reasoning = "".join(self._reasoning)
        if reasoning:
            key = Trail(self._messages).key("".join(self._text), self._calls)
            self._keeper.remember(self._owner, key, reasoning)
