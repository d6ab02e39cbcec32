"""The right answer, badly delivered: faults of the wire that every dialect shares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from portico.simulator.faults import AFTER, Fault
from portico.simulator.scripts import Pause, Script, Sever, Step, Write

SPLIT = 3
"""So many writes go out byte by byte; later ones only where they hold more than ASCII."""

CUT = frozenset({"insufficient_system_resource", "error_in_stream"})
"""Faults of the dialects after which an answer is billed as cut."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    An answer on its way, and what its dialect says in odd moments.

    `waiting` is sent again and again while the caller waits (empty: nothing is); `error` is an
    error as it looks inside a stream. `stream` is false for a whole answer.
    """

    script: Script
    stream: bool
    waiting: bytes = b""
    error: bytes = b""

    @property
    def body(self) -> tuple[Step, ...]:
        """Everything after the head."""
        return self.script.steps[1:]

    @property
    def head(self) -> Step:
        """The head."""
        return self.script.steps[0]

    def with_steps(self, *steps: Step, ends: str | None = None) -> Script:
        """Return the script with other steps."""
        return replace(self.script, steps=steps, ends=ends or self.script.ends)


def deliver(fault: Fault, delivery: Delivery) -> Script:
    """Return the script as *fault* delivers it; unchanged if it is no fault of the wire."""
    ends = "cut" if fault.name in CUT else delivery.script.ends
    effect = EFFECTS.get(fault.name)
    script = effect(fault, delivery) if effect else delivery.script
    return replace(script, ends=ends) if ends == "cut" else script


def _begun(fault: Fault, delivery: Delivery) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Split the body after so many deltas; a whole answer in the middle of its bytes."""
    steps = delivery.body
    if not delivery.stream:
        return _halved(steps)
    left = int(fault.params.get("after", AFTER))
    if left == 0:
        return (), steps
    for at, step in enumerate(steps):
        left -= isinstance(step, Write) and step.delta
        if left == 0:
            return steps[: at + 1], steps[at + 1 :]
    return _before_finish(steps)


def _before_finish(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """A short answer is broken before the write that would make it whole."""
    at = next(at for at, step in enumerate(steps) if isinstance(step, Write) and step.finish)
    return steps[:at], steps[at:]


def _halved(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    whole = next(step for step in steps if isinstance(step, Write))
    middle = len(whole.data) // 2
    return (Write(whole.data[:middle]),), (replace(whole, data=whole.data[middle:]),)


def _truncated(fault: Fault, delivery: Delivery) -> Script:
    begun, _ = _begun(fault, delivery)
    return delivery.with_steps(delivery.head, *(begun or (Write(b""),)), ends="cut")


def _cut(fault: Fault, delivery: Delivery) -> Script:
    if fault.params.get("before_headers"):
        return delivery.with_steps(Sever(), ends="failed")
    begun, _ = _begun(fault, delivery)
    return delivery.with_steps(delivery.head, *begun, Sever(), ends="cut")


def _stall(fault: Fault, delivery: Delivery) -> Script:
    begun, rest = _begun(fault, delivery)
    pause = Pause(float(fault.params.get("seconds", 60)))
    return delivery.with_steps(delivery.head, *begun, pause, *rest)


def _slow_first(fault: Fault, delivery: Delivery) -> Script:
    seconds = float(fault.params.get("seconds", 5))
    if not delivery.waiting:
        pause = Pause(seconds)
        first = (delivery.head, pause) if fault.params.get("headers") else (pause, delivery.head)
        return delivery.with_steps(*first, *delivery.body)
    signs = max(4, int(seconds))
    queue = (Write(delivery.waiting), Pause(seconds / signs)) * signs
    return delivery.with_steps(delivery.head, *queue, *delivery.body)


def _silent(fault: Fault, delivery: Delivery) -> Script:
    seconds = float(fault.params.get("seconds", 600))
    return delivery.with_steps(Pause(seconds), Sever(), ends="failed")


def _malformed_event(fault: Fault, delivery: Delivery) -> Script:
    """Half of one write is lost, as if by a proxy; what follows is whole again."""
    begun, rest = _begun(fault, delivery)
    at = next(at for at, step in enumerate(rest) if isinstance(step, Write))
    whole = rest[at]
    assert isinstance(whole, Write)
    half = replace(whole, data=whole.data[: len(whole.data) // 2] + b"\n\n")
    return delivery.with_steps(delivery.head, *begun, *rest[:at], half, *rest[at + 1 :])


def _split_utf8(_fault: Fault, delivery: Delivery) -> Script:
    steps: list[Step] = [delivery.head]
    for number, step in enumerate(delivery.body):
        if isinstance(step, Write) and (number < SPLIT or not step.data.isascii()):
            steps += _bytewise(step)
        else:
            steps.append(step)
    return delivery.with_steps(*steps)


def _bytewise(write: Write) -> list[Step]:
    single = [Write(bytes([byte])) for byte in write.data[:-1]]
    return [*single, replace(write, data=write.data[-1:])]


def _error_in_stream(fault: Fault, delivery: Delivery) -> Script:
    begun, _ = _begun(fault, delivery)
    return delivery.with_steps(delivery.head, *begun, Write(delivery.error))


EFFECTS: Mapping[str, Callable[[Fault, Delivery], Script]] = {
    "truncated": _truncated,
    "cut": _cut,
    "stall": _stall,
    "slow_first": _slow_first,
    "silent": _silent,
    "malformed_event": _malformed_event,
    "split_utf8": _split_utf8,
    "error_in_stream": _error_in_stream,
}
