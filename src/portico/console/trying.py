"""Try it: the same question to several at once, answers and boxes side by side."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from portico.artifacts.index import Artifact
from portico.chat.reply import Choice, Delta, Usage, collect
from portico.console.asked import picture
from portico.console.tiers import question
from portico.console.visit import Visit
from portico.dispatch.journey import Journey, new_id
from portico.dispatch.looking import Survey, Wish
from portico.errors import GatewayError, MalformedRequest
from portico.ledger.prices import cost, plain
from portico.vision.elements import Elements

MOST = 4
"""Who may be asked at once."""
LONGEST = 40_000
"""Characters of an answer that a page shows."""

SAMPLE = "sample.png"
PROMPT = "Critique this screen: hierarchy, spacing, contrast."


@dataclass(slots=True)
class Tried:
    """What came of asking one of them; `error` is why nothing did."""

    model: str
    request: str = ""
    target: str = ""
    simulated: bool = False
    text: str = ""
    cut: int = 0  # characters that are not shown
    error: str = ""
    attempts: int = 0
    took: float = 0.0
    first: float | None = None
    usage: Usage | None = None
    cost: str | None = None
    elements: Elements | None = None


async def show(visit: Visit) -> Response:
    """Show the form."""
    return _page(visit)


def _page(visit: Visit, **found: Any) -> Response:
    catalog = visit.here.gateway.house.catalog
    values: dict[str, Any] = {
        "catalog": catalog,
        "roles": list(catalog.roles.values()),
        "targets": list(catalog.targets.values()),
        "most": MOST,
        "chosen": ["auto"] if catalog.roles else [],
        "prompt": PROMPT,
        "look": "answer",
        "tried": [],
        "artifact": None,
        "why": "",
    }
    return visit.page("try", **{**values, **found})


async def ask(visit: Visit) -> Response:
    """Ask them all, and show what came of it."""
    chosen = list(dict.fromkeys(visit.texts("model")))[:MOST]
    prompt, look = visit.text("prompt").strip(), visit.text("look") or "answer"
    given = {"chosen": chosen, "prompt": prompt, "look": look}
    try:
        artifact = await _picture(visit)
        _check(chosen, prompt, look, artifact)
    except GatewayError as exc:
        return _page(visit, why=str(exc), **given)
    asking = _asked if look == "answer" else _looked
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asking(visit, name, prompt, artifact)) for name in chosen]
    await visit.here.gateway.ledger.flush()  # the links lead somewhere
    return _page(visit, tried=[task.result() for task in tasks], artifact=artifact, **given)


def _check(chosen: Sequence[str], prompt: str, look: str, artifact: Artifact | None) -> None:
    if not chosen:
        raise MalformedRequest("Choose at least one who is to be asked.")
    if look == "answer" and not prompt:
        raise MalformedRequest("Write what you want to know.")
    if look == "boxes" and artifact is None:
        raise MalformedRequest("Boxes need a picture: drop one, or take the sample.")


async def _picture(visit: Visit) -> Artifact | None:
    """Return the picture that was dropped, chosen before, or is the sample; None for none."""
    archive, owner = visit.here.archive, visit.owner
    sent = await visit.file("picture")
    if sent is not None:
        return await archive.add(sent[1], owner, sent[0])
    if visit.text("sample") == "yes":
        return await archive.add(visit.pages.assets.files[SAMPLE].content, owner, SAMPLE)
    before = visit.text("artifact")
    return await archive.find(before, owner) if before else None


async def _asked(visit: Visit, model: str, prompt: str, artifact: Artifact | None) -> Tried:
    """Ask one for an answer, as any caller does: it is in the ledger too."""
    link = artifact.id if artifact else None
    request = question(model, prompt, link)
    now = time.monotonic()
    journey = Journey(new_id(), request, time.time(), now, visit.caller)
    tried = Tried(model, journey.id)
    try:
        deltas: list[Delta] = []
        async with visit.here.gateway.chat(journey) as answer:
            async for batch in answer.batches():
                deltas += batch
            journey.status = 200
        _tell(tried, collect(deltas).choices[0])
    except GatewayError as exc:
        tried.error = str(exc)
    _count(tried, [journey])
    return tried


async def _looked(visit: Visit, model: str, prompt: str, artifact: Artifact | None) -> Tried:
    """Ask one for what is on the picture, and where."""
    assert artifact is not None, "checked before"
    data = await visit.here.archive.read(artifact)
    survey = Survey(new_id(), Wish(data, model), visit.caller)
    tried = Tried(model, f"{survey.id}-1")
    began = time.monotonic()
    try:
        tried.elements = await visit.here.design.elements(survey)
    except GatewayError as exc:
        tried.error = str(exc)
    _count(tried, survey.journeys)
    tried.took = time.monotonic() - began
    return tried


def _tell(tried: Tried, choice: Choice) -> None:
    said = choice.text or choice.refusal
    tried.text, tried.cut = said[:LONGEST], max(len(said) - LONGEST, 0)


def _count(tried: Tried, journeys: Sequence[Journey]) -> None:
    """Note who was asked, how long it took, and what it cost as far as that is known."""
    attempts = [attempt for journey in journeys for attempt in journey.attempts]
    tried.attempts = len(attempts)
    for journey in journeys:
        if journey.answering is not None:
            tried.target, tried.simulated = journey.answering.name, journey.answering.simulated
    if not attempts:
        return
    last = attempts[-1]
    tried.took = last.started + last.took
    tried.first = None if last.first_delta is None else last.started + last.first_delta
    tried.usage = getattr(last.outcome, "usage", None)
    if tried.usage is not None and not last.target.simulated:
        spent = cost(tried.usage, last.target.price)
        tried.cost = None if spent is None else plain(spent)


async def kept_picture(visit: Visit) -> Response:
    """Return a picture of one's own."""
    archive = visit.here.archive
    artifact = await archive.find(visit.request.path_params["ident"], visit.owner)
    return picture(await archive.read(artifact), artifact.kind)
