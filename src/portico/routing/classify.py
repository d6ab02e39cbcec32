"""Which role should answer when the caller leaves the choice to us (`model: "auto"`)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from portico.chat.messages import Message, Modality
from portico.chat.request import ChatRequest
from portico.routing.shapes import structure
from portico.routing.signals import CODE, DESIGN, DEVOPS, VISION, Signal, tools
from portico.routing.words import AMID_CODE, BLIND, SEEING

__all__ = ["BACKGROUND", "Decision", "Signal", "classify", "is_task"]

BACKGROUND = "background"
CAPABLE = (DESIGN, VISION, CODE, DEVOPS)
"""The kinds of work we can tell apart, the more capable tier first: who gets the doubtful ones."""

HEAD, TAIL = 1400, 600
"""Characters of a turn that are read: a wish stands before or after what was pasted."""
ENOUGH = 0.5
"""Points a role needs to be believed."""
CLEAR, SHORT = 2.0, 60
"""Points that free a turn of fewer than so many characters from what was said before."""
MARGIN = 0.1
"""Points within which two roles are too close to call."""
LOUD = 5.0
"""Points beyond which an earlier turn or a system prompt says nothing more."""
REMEMBERED = 512
"""Turns whose reading is kept: a chat sends all of them again with every request."""
_TASK = "### Task:\n"
_RETRIEVED = "### Task:\nRespond to the user query"
BARE_PICTURE = (Signal("picture without words", VISION, 1.5),)
PICTURE = (Signal("picture", VISION, 0.9), Signal("picture", DESIGN, 0.8))


@dataclass(frozen=True, slots=True)
class Decision:
    """The role, why (strongest reason first), and whether it is no more than the safe choice."""

    role: str
    decided_by: tuple[Signal, ...]
    unsure: bool


def classify(request: ChatRequest, roles: Collection[str]) -> Decision:
    """
    Return which of *roles* should answer *request*.

    Reads at most two thousand characters of a turn and names what it saw there. When two kinds of
    work are too close to call, the more capable tier gets it; when nothing speaks at all, `design`
    does, or else the first of *roles* (only `background` if it is the only one). Both say so. A
    chat UI's own tasks go to `background`.
    """
    if BACKGROUND in roles and is_task(request):
        reason = Signal("a chat UI's background task", BACKGROUND, 1.0)
        return Decision(BACKGROUND, (reason,), unsure=False)
    return _decide(_signals(request), roles)


def is_task(request: ChatRequest) -> bool:
    """
    Return whether Open WebUI asks for itself: titles, tags, follow-ups (openwebui.md §4).

    Its header says so, or the prompt: alone, not streamed, and not a person's question in the
    template for retrieved documents, which begins alike.
    """
    if request.task:
        return True
    if request.stream or len(request.messages) != 1:
        return False
    text = request.messages[0].text
    return text.startswith(_TASK) and not text.startswith(_RETRIEVED)


def _signals(request: ChatRequest) -> Iterator[Signal]:
    asked = [message for message in request.messages if message.role == "user"]
    pictured = any(map(_pictured, asked))
    own = _turn(asked[-1], pictured) if asked else ()
    short = not asked or len(_wish(asked[-1].text)) < SHORT
    clear = max(_scores(own).values()) >= (CLEAR if short else ENOUGH)
    yield from own
    reach = 0.2 if clear else 0.7
    for message in asked[-2:-5:-1]:
        yield from _context(_turn(message, pictured), reach, "earlier")
        reach *= 0.5
    for message in request.messages:
        if message.role in {"system", "developer"}:
            yield from _context(_turn(message, False), 0.3 if clear else 0.7, "system prompt")
            break
    replies = [message for message in request.messages if message.role == "assistant"]
    for message in replies[-1:]:
        yield from _context(_replied(_read(message.text)), 0.1 if clear else 0.5, "reply")
    yield from tools(tool.function.name for tool in request.tools or ())


def _turn(message: Message, pictured: bool) -> tuple[Signal, ...]:
    """Return what one turn says; *pictured* if any turn of the conversation has a picture."""
    return _heard(_read(_wish(message.text)), pictured, _pictured(message))


@lru_cache(REMEMBERED)
def _heard(text: str, pictured: bool, here: bool) -> tuple[Signal, ...]:
    """Return what *text* says; *here* if a picture comes with it."""
    return tuple(_signs(text, pictured, here))


def _signs(text: str, pictured: bool, here: bool) -> Iterator[Signal]:
    shown = structure(text)
    yield from shown
    prose = "\n".join(text.split("```")[::2])
    if here:
        yield from PICTURE if prose.strip() else BARE_PICTURE
    lexicon = SEEING if pictured else AMID_CODE if _is_code(shown) else BLIND
    for signal in lexicon.words(prose):
        yield signal if here or signal.role != VISION else signal.faded(0.6)


@lru_cache(REMEMBERED)
def _replied(text: str) -> tuple[Signal, ...]:
    return tuple(structure(text))


def _read(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def _is_code(shown: list[Signal]) -> bool:
    scores = _scores(shown)
    return scores[CODE] >= 1.0 and scores[DESIGN] == 0.0


def _wish(text: str) -> str:
    """Take Open WebUI's wrapping off a person's own words (openwebui.md §3)."""
    if text.startswith(_RETRIEVED):
        _, _, query = text.partition("<user_query>")
        text = query.partition("</user_query>")[0] or text.rpartition("</context>")[2]
    if text.startswith("<attached_files>"):
        text = text.partition("</attached_files>")[2]
    return text


def _pictured(message: Message) -> bool:
    parts = message.content
    return isinstance(parts, list) and any(part.modality is Modality.IMAGE for part in parts)


def _context(known: tuple[Signal, ...], reach: float, source: str) -> Iterator[Signal]:
    """Fade what was said elsewhere, so that a long past never outweighs the present."""
    reach *= min(1.0, LOUD / max(LOUD, *_scores(known).values()))
    for signal in known:
        yield signal.faded(reach, source)


def _scores(signals: Iterable[Signal]) -> dict[str, float]:
    scores = dict.fromkeys(CAPABLE, 0.0)
    for signal in signals:
        scores[signal.role] += signal.weight
    return scores


def _decide(signals: Iterable[Signal], roles: Collection[str]) -> Decision:
    known = sorted(
        (signal for signal in signals if signal.role in roles),
        key=lambda signal: (-signal.weight, signal.name, signal.role),
    )
    scores = _scores(known)
    best = max(scores.values())
    close = [role for role in CAPABLE if role in roles and scores[role] >= best - MARGIN]
    if best < ENOUGH:
        role = DESIGN if DESIGN in roles else _first(roles)
        return Decision(role, (Signal("unsure: nothing clear", role, 0.0), *known), unsure=True)
    if len(close) == 1:
        return Decision(close[0], tuple(known), unsure=False)
    doubt = Signal(f"unsure: {' or '.join(close)}", close[0], 0.0)
    return Decision(close[0], (doubt, *known), unsure=True)


def _first(roles: Collection[str]) -> str:
    return next((role for role in roles if role != BACKGROUND), BACKGROUND)
