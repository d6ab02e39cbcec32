"""From a call to the script that answers it: the whole policy of the simulator."""

from dataclasses import dataclass, replace

from portico.simulator.answers import Answer, answer
from portico.simulator.calls import Call
from portico.simulator.dialects import Dialect, Stamp
from portico.simulator.effects import Delivery, deliver
from portico.simulator.faults import Fault
from portico.simulator.problems.base import Occasion
from portico.simulator.questions import Question
from portico.simulator.scripts import Head, Problem, Refused, Script, Write, refusal, spaced
from portico.simulator.state import Simulator

HUGE = 1024 * 1024
"""Bytes of the one delta that `huge_chunk` sends, unless `bytes` says otherwise."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One call at one upstream, and what is to go wrong with it."""

    dialect: Dialect
    call: Call
    stamp: Stamp
    fault: Fault | None = None
    window: int = 0

    def problem(self, name: str, spent: int = 0) -> Problem:
        """Return one of the upstream's own errors, on the occasion of this call."""
        params = self.fault.params if self.fault else {}
        occasion = Occasion(self.call.model, spent, self.window, params)
        return self.dialect.problems[name](occasion)


def script(simulator: Simulator, dialect: Dialect, call: Call, stamp: Stamp) -> Script:
    """Decide how *call* is answered: an error, an answer, or an answer with something wrong."""
    window = simulator.windows.get(call.model, 0)
    dialogue = Dialogue(dialect, call, stamp, simulator.take(call), window)
    if dialogue.fault and dialogue.fault.name in dialect.problems:
        return refusal(dialogue.problem(dialogue.fault.name))
    try:
        said = _said(dialogue, _admitted(simulator, dialogue))
    except Refused as refused:
        return refusal(refused.problem)
    return _answered(dialogue, said)


def _admitted(simulator: Simulator, dialogue: Dialogue) -> Question:
    """Read the question; refuse a retired model, a picture for the blind, a text too long."""
    call = dialogue.call
    if call.model in simulator.gone:
        raise Refused(dialogue.problem("model_gone"))
    try:
        question = dialogue.dialect.read(call)
    except (AttributeError, KeyError, TypeError, ValueError):  # a body of the wrong shape
        raise Refused(dialogue.problem("bad_request")) from None
    if question.pictures and call.model in simulator.sightless:
        simulator.blind.append(call)
        raise Refused(dialogue.problem("blind"))
    if dialogue.window and question.input > dialogue.window:
        raise Refused(dialogue.problem("too_long", question.input))
    return question


def _said(dialogue: Dialogue, question: Question) -> Answer:
    """Answer; refuse a JSON Schema that is none, or that asks for more than anybody would write."""
    try:
        return answer(question)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        raise Refused(dialogue.problem("bad_request")) from None


def _answered(dialogue: Dialogue, said: Answer) -> Script:
    dialect, call, fault = dialogue.dialect, dialogue.call, dialogue.fault
    if fault and fault.name == "error_in_stream" and not call.stream:
        return refusal(dialogue.problem("overloaded"))
    said = _swollen(fault, said)
    events = dialect.events(call, said, dialogue.stamp)
    if fault:
        events = dialect.spoil(fault, events)
    writes = [
        Write(data, event.output, event.delta, event.finish)
        for event, data in zip(events, dialect.frame(call, events), strict=True)
    ]
    steps = (Head(200, dialect.headers(call, dialogue.stamp)), *spaced(writes, said.delay))
    plain = Script(steps, input=said.input, cached=said.cached)
    return _delivered(dialogue, fault, plain) if fault else plain


def _delivered(dialogue: Dialogue, fault: Fault, plain: Script) -> Script:
    dialect, call = dialogue.dialect, dialogue.call
    variant = str(fault.params.get("variant", ""))
    error = dialect.broken(call, dialogue.problem("overloaded"), variant)
    return deliver(fault, Delivery(plain, call.stream, dialect.waiting(call), error))


def _swollen(fault: Fault | None, said: Answer) -> Answer:
    if fault is None or fault.name != "huge_chunk":
        return said
    return replace(said, text="x" * int(fault.params.get("bytes", HUGE)), calls=(), finish="stop")
