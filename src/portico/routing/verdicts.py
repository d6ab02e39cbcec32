"""What to do about a failure: the whole failover policy is this table."""

from dataclasses import dataclass
from enum import StrEnum

from portico.routing.attempts import Failure, Kind


class Step(StrEnum):
    """What dispatch does next."""

    NEXT = "next"
    LARGER = "larger"  # next, but only to larger windows
    REPAIR = "repair"  # once, at the same target
    STOP = "stop"


class Rest(StrEnum):
    """Who rests, and how long."""

    NO = "no"
    BREAKER = "breaker"  # counts towards the target's breaker
    DELAY = "delay"  # exactly that target or upstream, for the provider's own delay
    RESET = "reset"  # until the provider's quota resets
    ACCOUNT = "account"  # the upstream, until a person acts
    PATH = "path"  # the egress path as that upstream sees it
    GONE = "gone"  # the target, until the model list shows it again


@dataclass(frozen=True, slots=True)
class Verdict:
    """The step, who rests for it, and the caller's status if this was the last candidate."""

    step: Step
    rest: Rest
    status: int


VERDICTS: dict[Kind, Verdict] = {
    #                            step         rests         status
    Kind.UNREACHABLE: Verdict(Step.NEXT, Rest.BREAKER, 502),
    Kind.SILENT: Verdict(Step.NEXT, Rest.BREAKER, 504),
    Kind.UNAVAILABLE: Verdict(Step.NEXT, Rest.BREAKER, 502),
    Kind.GARBLED: Verdict(Step.NEXT, Rest.BREAKER, 502),
    Kind.RATE_LIMITED: Verdict(Step.NEXT, Rest.DELAY, 429),
    Kind.QUOTA_SPENT: Verdict(Step.NEXT, Rest.RESET, 429),
    Kind.ACCOUNT: Verdict(Step.NEXT, Rest.ACCOUNT, 502),
    Kind.REGION: Verdict(Step.NEXT, Rest.PATH, 502),
    Kind.MODEL_GONE: Verdict(Step.NEXT, Rest.GONE, 502),
    Kind.TRANSLATION: Verdict(Step.REPAIR, Rest.NO, 502),
    Kind.TOO_LONG: Verdict(Step.LARGER, Rest.NO, 413),
    Kind.INCAPABLE: Verdict(Step.NEXT, Rest.NO, 422),
    Kind.REFUSED: Verdict(Step.STOP, Rest.NO, 200),
    Kind.REJECTED: Verdict(Step.STOP, Rest.NO, 400),
}


def judge(failure: Failure) -> Verdict:
    """Return what *failure* leads to."""
    return VERDICTS[failure.kind]
