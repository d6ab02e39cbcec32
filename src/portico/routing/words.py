"""What the words of a prompt say about the work it wants."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from portico.routing.sight import BEHOLD, DESIGNING, HABITS, THINGS
from portico.routing.signals import Signal
from portico.routing.vocabulary import TRADES, Vocabulary

EDGE = 420
"""Characters at either end of a long text where the wish itself is usually said."""
ELSEWHERE = 0.4
"""How much a word tells that stands far from both ends."""
SHOWN = 0.3
"""How much the name of a thing tells when a picture or code shows such things anyway."""
LOUDER = 1.25
"""How much more the words of a trade tell where a picture already speaks for other roles."""

_GAPS = {at: " " for at in range(128) if not (chr(at).isalnum() or chr(at) == "_")}
_TOKEN = re.compile(
    r"[a-z0-9_\xdf-\u024f]+|[\u0400-\u04ff]+|[\u4e00-\u9fff]+|[\u30a0-\u30ff]+|[\uac00-\ud7af]+"
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Entries as the vocabulary writes them, what each says, and the stems by their first three."""

    entries: Mapping[str, tuple[Signal, ...]]
    stems: Mapping[str, tuple[str, ...]]

    def known(self, text: str) -> set[str]:
        """Return the entries that occur in *text*, which is lower case."""
        tokens = _tokens(text)
        seen = set(tokens)
        found = seen & self.entries.keys()
        found |= {f"{one}_{two}" for one, two in pairwise(tokens)} & self.entries.keys()
        for token in seen:
            if stems := self.stems.get(token[:3]):
                found |= {stem for stem in stems if token.startswith(stem[:-1])}
            if token[0] >= "\u4e00":
                found |= {token[at : at + 2] for at in range(len(token) - 1)} & self.entries.keys()
        return found

    def words(self, prose: str) -> Iterator[Signal]:
        """Yield what the words of *prose* say, each once, those far from both ends weakly."""
        text = prose.lower()
        if len(text) <= 2 * EDGE:
            near, far = self.known(text), set[str]()
        else:
            near = self.known(f"{text[:EDGE]}\n{text[-EDGE:]}")
            far = (self.entries.keys() & _tokens(text[EDGE:-EDGE])) - near
        for entry in near:
            yield from self.entries[entry]
        for entry in far:
            for signal in self.entries[entry]:
                yield signal.faded(ELSEWHERE, "in passing")


def _tokens(text: str) -> list[str]:
    # The same words either way; most prompts are ASCII, and this is the hottest line we have.
    return text.translate(_GAPS).split() if text.isascii() else _TOKEN.findall(text)


def _lexicon(*vocabularies: tuple[Vocabulary, float]) -> Lexicon:
    """Merge the vocabularies, each with its factor; a word speaks once for a role, the loudest."""
    entries: dict[str, dict[str, float]] = {}
    for vocabulary, factor in vocabularies:
        for role, strengths in vocabulary.items():
            for points, listed in strengths.items():
                for entry in listed.split():
                    said = entries.setdefault(entry, {})
                    said[role] = max(said.get(role, 0.0), points * factor)
    stems: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if entry.endswith("*"):
            stems[entry[:3]] = (*stems.get(entry[:3], ()), entry)
    return Lexicon({entry: _signals(entry, said) for entry, said in entries.items()}, stems)


def _signals(entry: str, said: Mapping[str, float]) -> tuple[Signal, ...]:
    name = f"word {entry.replace('_', ' ')}"
    return tuple([Signal(name, role, points) for role, points in said.items()])


BLIND = _lexicon((TRADES, 1.0), (DESIGNING, 1.0), (THINGS, 1.0), (HABITS, 1.0))
"""For a conversation in words alone."""
AMID_CODE = _lexicon((TRADES, 1.0), (DESIGNING, 1.0), (THINGS, SHOWN), (HABITS, 1.0))
"""For words around source code, which has buttons and pages in it, too."""
SEEING = _lexicon((TRADES, LOUDER), (DESIGNING, LOUDER), (THINGS, SHOWN), (BEHOLD, 1.0))
"""For a conversation with a picture in it."""
