"""The simulator's own API: order faults, read what happened, start again."""

from typing import Any

import msgspec

from portico.simulator.faults import FAULTS, Fault, check
from portico.simulator.questions import JSON
from portico.simulator.scripts import Problem, Script, refusal
from portico.simulator.state import Simulator


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault as it is ordered over HTTP; `after` calls pass first, `times` null is for ever."""

    upstream: str
    fault: str
    model: str = "*"
    times: int | None = 1
    after: int = 0
    params: dict[str, Any] = {}


class Knobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What else can be set over HTTP; what is left out stays as it is."""

    gone: set[str] | None = None
    models: set[str] | None = None
    sightless: set[str] | None = None
    windows: dict[str, int] | None = None


def control(simulator: Simulator, method: str, body: bytes) -> Script:
    """
    Answer `/_control`.

    GET reads the state; POST orders one fault or a list of them; PATCH sets the lists of models
    (gone, models, sightless) and the windows; DELETE forgets everything.
    """
    try:
        match method:
            case "POST":
                _order(simulator, msgspec.json.decode(body, type=list[Order] | Order))
            case "PATCH":
                _turn(simulator, msgspec.json.decode(body, type=Knobs))
            case "DELETE":
                simulator.reset()
            case "GET":
                pass
            case _:
                return refusal(Problem(405, {"error": {"message": "GET, POST, PATCH or DELETE"}}))
    except ValueError as error:  # msgspec's among them
        return refusal(Problem(400, _wrong(error)))
    return refusal(Problem(200, _state(simulator)))


def _turn(simulator: Simulator, knobs: Knobs) -> None:
    for name in ("gone", "models", "sightless", "windows"):
        value = getattr(knobs, name)
        if value is not None:
            setattr(simulator, name, value)


def _order(simulator: Simulator, orders: list[Order] | Order) -> None:
    faults = [
        Fault(one.upstream, one.model, one.fault, one.times, one.after, one.params)
        for one in (orders if isinstance(orders, list) else [orders])
    ]
    for fault in faults:  # all or none
        check(fault)
    simulator.faults.extend(faults)


def _wrong(error: Exception) -> JSON:
    return {"error": {"message": str(error), "faults": list(FAULTS)}}


def _state(simulator: Simulator) -> JSON:
    return {
        "faults": [
            {
                "upstream": fault.upstream,
                "model": fault.model,
                "fault": fault.name,
                "times": fault.times,
                "after": fault.skip,
                "params": dict(fault.params),
            }
            for fault in simulator.faults
        ],
        "calls": [
            {"upstream": upstream, "model": model, "calls": count}
            for (upstream, model), count in sorted(simulator.counts.items())
        ],
        "bills": simulator.sums(),
        "blind": len(simulator.blind),
        "gone": sorted(simulator.gone),
        "models": sorted(simulator.models),
        "windows": simulator.windows,
    }
