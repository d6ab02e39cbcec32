"""What an operator orders of one target: park it, or get a simulated one down."""

from typing import Annotated

from fastapi import APIRouter, Path
from msgspec import Struct
from pydantic import BaseModel, Field
from starlette.responses import Response

from portico.api.answers import JSON, Numbered, operated
from portico.api.deps import Here, Operator
from portico.api.people import noted
from portico.dispatch.operating import LONGEST

router = APIRouter(prefix="/api/targets", tags=["operator"], route_class=Numbered)

Name = Annotated[str, Path(description="The target's public name")]


class Parking(BaseModel, extra="forbid"):
    """Why, for whoever wonders later."""

    why: Annotated[str, Field(max_length=LONGEST)] = ""


class Ordered(Struct, frozen=True, kw_only=True):
    """
    How a target is ordered to be: `parked` is not asked, `down` (simulated ones only) fails.

    `changed` is false where it was so before. Orders are kept, and outlive a restart.
    """

    target: str
    parked: bool
    down: bool
    changed: bool
    outlives_restart: bool = True


def _told(here: Here, name: str, *, changed: bool) -> Response:
    orders = here.operating.orders
    ordered = Ordered(
        target=name, parked=name in orders.parked, down=name in orders.down, changed=changed
    )
    return JSON(ordered)


@router.post("/{name:path}/park", responses=operated(Ordered, 404))
async def park_target(name: Name, here: Here, caller: Operator, reason: Parking) -> Response:
    """Ask this target no more, by no way, until it is unparked."""
    changed = await here.operating.park(name, caller.key, reason.why)
    await noted(here, caller, "target.parked", name)
    return _told(here, name, changed=changed)


@router.post("/{name:path}/unpark", responses=operated(Ordered))
async def unpark_target(name: Name, here: Here, caller: Operator) -> Response:
    """Ask this target again."""
    changed = await here.operating.unpark(name)
    await noted(here, caller, "target.unparked", name)
    return _told(here, name, changed=changed)


@router.post("/{name:path}/off", responses=operated(Ordered, 404))
async def switch_target_off(name: Name, here: Here, caller: Operator) -> Response:
    """Get a simulated target down, to see what happens; a real one has no switch."""
    changed = await here.operating.switch_off(name, caller.key)
    await noted(here, caller, "target.switched_off", name)
    return _told(here, name, changed=changed)


@router.post("/{name:path}/on", responses=operated(Ordered))
async def switch_target_on(name: Name, here: Here, caller: Operator) -> Response:
    """Get a simulated target up again."""
    changed = await here.operating.switch_on(name)
    await noted(here, caller, "target.switched_on", name)
    return _told(here, name, changed=changed)
