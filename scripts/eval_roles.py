"""
How well `auto` chooses: `make eval` reads tests/routing/eval and scores the held-out part.

    python scripts/eval_roles.py [--split held-out|tuning] [--quiet]

Prints accuracy, macro-F1, the confusion matrix, accuracy by language, author and difficulty,
the misses with what misled, and the time one decision takes. Exits 1 under 0.9.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import msgspec

from portico.chat.messages import Link, Message, Part
from portico.chat.request import ChatRequest
from portico.routing.classify import Decision, classify

DATA = Path(__file__).parent.parent / "tests" / "routing" / "eval"
ROLES = ("design", "vision", "code", "devops", "background")
GOAL = 0.9
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwC"
    "AAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the sets: a prompt or a conversation, and who should answer it."""

    id: str
    split: str
    author: str
    topic: str
    lang: str
    role: str
    hard: bool
    image: bool
    prompt: str = ""
    messages: list[Message] = []
    system: str = ""
    stream: bool = True

    def request(self) -> ChatRequest:
        """Return the request a client would send."""
        turns = list(self.messages)
        if not turns:
            parts = [Part("text", self.prompt)] if self.prompt else []
            picture = [Part("image_url", image_url=Link(PIXEL))] if self.image else []
            turns = [Message("user", [*parts, *picture] if picture else self.prompt)]
        if self.system:
            turns.insert(0, Message("system", self.system))
        return ChatRequest(model="auto", messages=turns, fields={}, stream=self.stream)


class Score:
    """What came out for a set of items."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.results = [(item, classify(item.request(), ROLES)) for item in items]

    @property
    def accuracy(self) -> float:
        """Share of items whose role was found."""
        return sum(item.role == found.role for item, found in self.results) / len(self.results)

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """How often (wanted, found)."""
        return Counter((item.role, found.role) for item, found in self.results)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the roles that occur."""
        wanted = {item.role for item, _ in self.results}
        return sum(self._f1(role) for role in wanted) / len(wanted)

    def _f1(self, role: str) -> float:
        hit = self.confusion[role, role]
        touched = sum(n for pair, n in self.confusion.items() if role in pair)
        return 2 * hit / (touched + hit) if hit else 0.0

    @property
    def misses(self) -> list[tuple[Item, Decision]]:
        """The items that went elsewhere."""
        return [(item, found) for item, found in self.results if item.role != found.role]


def items(split: str) -> list[Item]:
    """Return every item of *split*, in the order of files and lines."""
    decode = msgspec.json.Decoder(Item).decode
    files = [path.read_bytes() for path in sorted(DATA.glob("*.jsonl"))]
    found = [decode(line) for file in files for line in file.splitlines()]
    return [item for item in found if item.split == split]


def report(score: Score, *, quiet: bool = False) -> Iterator[str]:
    """Yield the lines of the report."""
    unsure = sum(found.unsure for _, found in score.results)
    yield f"items {len(score.results)}, of which unsure {unsure}"
    yield f"accuracy {score.accuracy:.3f}  macro-F1 {score.macro_f1:.3f}"
    yield "\nwanted \\ found " + "".join(f"{role:>11}" for role in ROLES)
    for wanted in ROLES:
        row = "".join(f"{score.confusion[wanted, found]:>11}" for found in ROLES)
        yield f"{wanted:>14} {row}"
    for title in ("lang", "hard", "author"):
        yield f"\nby {title}"
        yield from _by(score, title)
    if not quiet:
        yield "\nmisses"
        yield from (_miss(item, found) for item, found in score.misses)


def _by(score: Score, field: str) -> Iterator[str]:
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for item, found in score.results:
        groups[str(getattr(item, field))].append(item.role == found.role)
    for name, hits in sorted(groups.items()):
        yield f"  {name:<24} {sum(hits):>4} of {len(hits):>4}  {sum(hits) / len(hits):.3f}"


def _miss(item: Item, found: Decision) -> str:
    why = ", ".join(f"{s.name} → {s.role} {s.weight:g}" for s in found.decided_by[:8])
    return f"  {item.id}: {item.role} was wanted, {found.role} found ({why})"


def microseconds() -> float:
    """Return the median time of one decision about a 4 KB prompt that was not read before."""
    prose = "Why does the pod restart while my parser reads the layout of the settings page? "
    paste = "2024-05-01 10:00:00 INFO worker started in 12 ms\nvalue = self.items[name].load()\n"
    times = []
    for number in range(500):
        item = Item("", "", "", "", "en", "", False, False, f"{number}: {(prose + paste) * 26}")
        request = item.request()
        started = perf_counter()
        classify(request, ROLES)
        times.append(perf_counter() - started)
    return sorted(times)[len(times) // 2] * 1e6


def main() -> int:
    """Print the report; return 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description="Score the choice of roles.")
    parser.add_argument("--split", default="held-out", choices=["held-out", "tuning"])
    parser.add_argument("--quiet", action="store_true", help="leave the misses out")
    options = parser.parse_args()
    score = Score(items(options.split))
    print("\n".join(report(score, quiet=options.quiet)))
    print(f"\n{microseconds():.0f} µs for a new 4 KB prompt (median)")
    return 0 if score.accuracy >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
