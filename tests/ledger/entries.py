"""Entries as `dispatch` would make them."""

from itertools import count

from portico.chat.reply import Usage
from portico.ledger.base import Entry
from portico.routing.attempts import Answered, Attempt, Failed, Failure, Kind, Outcome
from portico.routing.tiers import Price, Target

GEMINI = Target(
    name="gemini-3-flash",
    upstream="google",
    model="gemini-3-flash-preview",
    tier=1,
    price=Price(input=0.5, output=3.0, cached_input=0.05),
    egress="google",
)
QWEN = Target(name="qwen3-coder", upstream="siliconflow", model="Qwen/Qwen3-Coder", tier=3)
PRETEND = Target(
    name="deepseek-v3",
    upstream="deepseek",
    model="deepseek-chat",
    price=Price(input=1, output=2),
    simulated=True,
)
USAGE = Usage(input=1000, output=200, cached=400, reasoning=50)
LIMITED = Failed(Failure(Kind.RATE_LIMITED, "slow down", status=429, delay=3.5))

_numbers = count()


def attempt(target: Target = GEMINI, outcome: Outcome | None = None, **more: object) -> Attempt:
    fields = {
        "id": f"a{next(_numbers)}",
        "target": target,
        "started": 0.25,
        "took": 1.5,
        "outcome": outcome or Answered(USAGE),
        "first_delta": None if isinstance(outcome, Failed) else 0.5,
    }
    return Attempt(**{**fields, **more})


def entry(*attempts: Attempt, **more: object) -> Entry:
    fields = {
        "id": f"r{next(_numbers):06}",
        "started": 1_790_000_000.0,
        "took": 2.0,
        "asked": "design",
        "role": "design",
        "caller": "key-1",
        "outcome": "answered",
        "status": 200,
        "attempts": attempts,
        "target": attempts[-1].target.name if attempts else None,
    }
    return Entry(**{**fields, **more})
