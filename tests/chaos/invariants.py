"""What must be true of every request, whatever went wrong (design §4, §8). Pure."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from portico.ledger.base import AttemptRow, RequestRow
from portico.simulator.answers import Answer
from portico.simulator.calls import Bill
from tests.chaos.accidents import FILTERED, MISCOUNTED, PLACES, SHORTENED
from tests.chaos.lab import Met, Story
from tests.chaos.replies import Reply, Spoken, bare, envelope_faults

WHOLE = frozenset({"stop", "tool_calls"})
"""Finish reasons that say that nothing is missing."""


def broken(story: Story, row: RequestRow | None) -> Iterator[str]:
    """Say everything that is wrong with one request; *row* is what the ledger keeps of it."""
    yield from _asked(story, row)
    reply = story.reply
    if reply is None:
        return
    yield from reply.complaints
    if reply.status == 500:
        yield "a fault of ours: status 500"
    if reply.error is not None or not (reply.complete or story.wish.leaves is not None):
        yield from envelope_faults(reply)
    if row is not None:
        yield from _told(story, reply, row)
    yield from _said(story, reply, _speakers(story, row))


# -- who was asked, and what the ledger knows of it


def _asked(story: Story, row: RequestRow | None) -> Iterator[str]:
    """Every call upstream is an attempt in the ledger, and the other way round."""
    if any(met.voice.pictures for met in story.met if met.call.model in _BLIND):
        yield "a picture went to a model that cannot see"
    if row is None:
        if story.wish.leaves != 0:
            yield "no row in the ledger"
        return
    calls = Counter(met.target for met in story.met)
    attempts = Counter(one.target for one in row.attempts)
    # Who hangs up may do so before the call has arrived; what would be ignored is not even sent.
    early = Counter(
        one.target
        for one in row.attempts
        if one.outcome == "abandoned" or one.kind in ("silent", "incapable")
    )
    if calls - attempts or attempts - calls - early:
        yield f"upstreams saw {dict(calls)}, the ledger {dict(attempts)}"
    gone = [one.target for one in row.attempts if one.outcome == "broken"]
    if any(row.attempts[-1].target == name for name in gone[:-1]) or len(gone) != len(set(gone)):
        yield "somebody who broke off was asked again"
    if row.outcome == "answered" and row.attempts[-1].outcome != "answered":
        yield "answered by nobody"


_BLIND = frozenset(PLACES[name][1] for name in ("deepseek-v3", "qwen3-coder"))


def _told(story: Story, reply: Reply, row: RequestRow) -> Iterator[str]:
    """Headers and envelope tell of the same attempts as the ledger."""
    counted = reply.headers.get("x-portico-attempts")
    expected = len(row.attempts)
    if reply.streamed:  # its head went out with the first delta: rescuers came later
        speaks = [one.outcome in ("answered", "broken") for one in row.attempts]
        expected = 1 + speaks.index(True) if True in speaks else expected
    if counted is not None and int(counted) != expected:
        yield f"x-portico-attempts says {counted} of {expected}"
    error = reply.error
    if error is not None:
        named = [(one["target"], one["kind"]) for one in error.get("attempts", ())]
        if named != [(one.target, one.kind or "abandoned") for one in row.attempts]:
            yield f"the error names {named}"
        if not named and not error.get("resting") and error["code"] in ("unanswered",):
            yield "nobody was asked, and nobody rests"
    if reply.complete:
        yield from _booked(story, reply, row)


def _booked(story: Story, reply: Reply, row: RequestRow) -> Iterator[str]:
    if row.outcome not in ("answered", "refused"):
        yield f"a whole answer, and the ledger says {row.outcome}"
    if not reply.voices():
        yield "a whole answer without choices"
    elif row.target != reply.voices()[-1][0]:
        yield f"the ledger says {row.target} answered"
    counted = [one for one in _kept(row) if one.output is not None]
    sums = sum(one.input or 0 for one in counted), sum(one.output or 0 for one in counted)
    told = reply.usage and (reply.usage["prompt_tokens"], reply.usage["completion_tokens"])
    if told is not None and told != sums:
        yield f"the caller is told of {told} tokens, the ledger of {sums}"


def _kept(row: RequestRow) -> Sequence[AttemptRow]:
    """Return the attempts whose words the caller got: an answer that is no JSON is thrown away."""
    thrown = [at for at, one in enumerate(row.attempts) if one.kind == "incapable"]
    return row.attempts[thrown[-1] + 1 if thrown else 0 :]


# -- what was said


def _speakers(story: Story, row: RequestRow | None) -> dict[str, Met]:
    """Return those who were asked, each with the call that it spoke to, if it spoke at all."""
    found: dict[str, Met] = {}
    for name in PLACES:
        met = [one for one in story.met if one.target == name]
        tried = [one for one in row.attempts if one.target == name] if row else []
        if len(tried) == len(met):  # a repaired call is another one than the first
            met = [m for m, one in zip(met, tried, strict=True) if one.outcome != "failed"] or met
        if met:
            found[name] = met[-1]
    return found


def _said(story: Story, reply: Reply, asked: dict[str, Met]) -> Iterator[str]:
    """Who is named spoke these words; whoever finished said all of them."""
    if not reply.voices():
        return
    speakers = [(name, bare(text)) for name, text in reply.voices()]
    if unasked := [name for name, _ in speakers if name not in asked]:
        yield f"{unasked} was never asked"
        return
    for at, (name, text) in enumerate(speakers):
        whole = bare(asked[name].voice.text)
        if not (whole.startswith(text) if at == 0 else text in whole):
            yield f"{name} never said {text[:60]!r}"
    if len(speakers) > 1 and not story.wish.spliceable:
        yield "what must never be spliced was"
    if reply.complete:
        if len(speakers) > 1 and not reply.rescues:
            yield "another model speaks, and nothing tells of a rescue"
        yield from _whole(story, reply, asked[speakers[-1][0]])


def _whole(story: Story, reply: Reply, last: Met) -> Iterator[str]:
    """An answer that looks complete is, unless it says itself that it is not."""
    fault = last.fault.name if last.fault else None
    voice, spoken = last.voice, reply.spoken()
    for index, one in spoken.items():
        if one.finish in WHOLE:
            if fault in SHORTENED:
                yield f"choice {index} looks whole after {fault}"
            yield from _choice(one, voice, alone=len(reply.voices()) == 1)
        elif fault not in (FILTERED if one.finish == "content_filter" else SHORTENED - FILTERED):
            yield f"choice {index} ends with {one.finish!r} after {fault}"
    if fault not in SHORTENED:
        yield from _at_the_seams(story, reply, last)
        if len(spoken) != voice.count:
            yield f"{len(spoken)} choices of {voice.count}"


def _choice(one: Spoken, voice: Answer, *, alone: bool) -> Iterator[str]:
    """A choice that says it is whole holds everything that the model said."""
    if alone and bare(one.text) != bare(voice.text):
        yield f"said {one.text[:60]!r}, not {voice.text[:60]!r}"
    calls = [(call.name, call.arguments) for call in voice.calls]
    if [(name, json.loads(given)) for name, given in one.calls] != calls:
        yield f"called {one.calls}"


def _at_the_seams(story: Story, reply: Reply, last: Met) -> Iterator[str]:
    """Of several speakers the last says everything to the end, and the whole is what was asked."""
    if len(reply.voices()) > 1 and not bare(last.voice.text).endswith(bare(reply.voices()[-1][1])):
        yield "the last speaker did not finish"
    if story.wish.exact is None or _swollen(story):
        return
    text, wanted = bare(reply.spoken()[0].text), bare(story.wish.exact)
    if not (text.endswith(wanted) if "restarted" in reply.rescues else text == wanted):
        yield f"mixed: {text[:80]!r}"


def _swollen(story: Story) -> bool:
    return any(met.fault is not None and met.fault.name == "huge_chunk" for met in story.met)


# -- the sums


def misbilled(rows: Sequence[RequestRow], met: Sequence[Met], bills: Sequence[Bill]) -> list[str]:
    """Say where the ledger's tokens are not what the upstreams charge."""
    attempts = [one for row in rows for one in row.attempts]
    found = []
    for name, place in PLACES.items():
        mine = [one for one in attempts if one.target == name]
        theirs = [bill for bill in bills if (bill.upstream, bill.model) == place]
        names = {one.fault.name for one in met if one.target == name and one.fault}
        found += [f"{name}: {said}" for said in _differences(mine, theirs, names)]
    return found


def _differences(mine: list[AttemptRow], theirs: list[Bill], faults: set[str]) -> Iterator[str]:
    booked = Counter(
        (one.input, one.output)
        for one in mine
        if (one.outcome == "answered" or one.kind == "incapable") and one.output is not None
    )
    charged = Counter((bill.input, bill.output) for bill in theirs if bill.status == "finished")
    if not faults & MISCOUNTED and booked - charged:
        yield f"booked {dict(booked - charged)}, which nobody charges"
    unsure = faults & MISCOUNTED or any(
        one.outcome == "abandoned" or one.kind == "silent" or one.detail == "empty answer"
        for one in mine
    )
    if not unsure and booked != charged:
        yield f"booked {dict(booked)}, charged {dict(charged)}"
