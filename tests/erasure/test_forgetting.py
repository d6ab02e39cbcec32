"""Somebody is forgotten: of theirs nothing is left anywhere, and of others' everything."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from portico.ledger.base import By, RequestQuery, UsageQuery
from portico.traces.base import TraceQuery
from tests.erasure.planting import (
    CANARY,
    OTHER,
    WHO,
    Aviary,
    aviary,
    plant,
    s3_of_ones_own,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


@pytest.fixture(params=["embedded", "full"])
def stores(request: pytest.FixtureRequest) -> Mapping[str, str]:
    if request.param == "embedded":
        return {}
    mongodb = request.getfixturevalue("mongodb")
    return {
        "ledger": request.getfixturevalue("database"),
        "traces": f"{mongodb.rpartition('/')[0]}/test_{uuid4().hex}",
        "artifacts": s3_of_ones_own(request.getfixturevalue("s3")),
        "memory": "qdrant",
    }


@pytest.fixture
async def here(tmp_path: Path, stores: Mapping[str, str]) -> AsyncIterator[Aviary]:
    async with aviary(tmp_path, stores) as opened:
        yield opened


async def test_nothing_is_left_of_somebody_forgotten_and_everything_of_others(
    here: Aviary,
) -> None:
    stays = await plant(here)
    serving = here.lab.serving
    before = {by: await serving.ledger.usage(UsageQuery(by)) for by in By}
    assert await here.left() == here.marks, "what is planted is found"
    assert "told/" in await here.everything(), "a long story of theirs lies apart"
    looked = await here.forget(dry_run=True)
    assert looked.done
    assert await here.left() == here.marks, "a dry run changes nothing"
    gone = await here.forget()
    assert gone.done, gone
    found = {place.place: place.counts for place in looked.places}
    for place in gone.places:
        for what, count in found[place.place].items():
            if what not in ("blobs", "ratings"):  # others need them; they are joined meanwhile
                assert place.counts[what] >= count > 0, (place.place, what)
    assert await here.left() == set()
    again = await here.forget(dry_run=True)
    assert (again.done, again.total) == (True, 0)
    await others_have_what_they_had(here, stays)
    after = {by: await serving.ledger.usage(UsageQuery(by)) for by in By}
    for by in (By.TARGET, By.UPSTREAM, By.TASK):
        spent = {one.key: (one.requests, one.input) for one in after[by]}
        for one in before[by]:
            assert spent[one.key] >= (one.requests, one.input), "what was spent was spent"
    assert WHO not in {one.key for one in after[By.PERSON]}


async def others_have_what_they_had(here: Aviary, stays: Mapping[str, str]) -> None:
    serving, admin = here.lab.serving, {"authorization": f"Bearer {here.front}"}
    client = here.lab.client
    picture = await client.get(f"/v1/artifacts/{stays['granted']}", headers=admin)
    assert (picture.status_code, picture.content[:4]) == (200, b"\x89PNG")
    everything = await here.everything()
    assert stays["shared"] in everything, "the bytes that OTHER's chat carried as well"
    assert "Madagascar" in everything
    await serving.gateway.ledger.flush()
    rows = await serving.ledger.requests(RequestQuery(person=OTHER, limit=200))
    assert len([row for row in rows if row.task is None]) >= 2
    assert len(await serving.traces.cards(TraceQuery(person=OTHER))) >= 2
    audit = (await client.get("/api/audit", headers=admin)).json()["deeds"]
    assert [one["what"] for one in audit[:2]] == ["person.forgotten", "key.revoked"]
    assert all(one["about"].startswith("forgotten_") for one in audit[:2])
    assert CANARY not in str(audit)


async def test_answers_that_a_gateway_holds_are_dropped(tmp_path: Path) -> None:
    async with aviary(tmp_path, {}) as here:
        wanted = {"x-portico-cache": "on"}
        for who in (WHO, OTHER):
            await here.ask("SAY: hello", who=who, **wanted)
            again = await here.ask("SAY: hello", who=who, **wanted)
            assert again.headers["x-portico-cache"] == "hit"
        await here.forget()
        kept = await here.ask("SAY: hello", who=OTHER, **wanted)
        assert kept.headers["x-portico-cache"] == "hit"
        dropped = await here.ask("SAY: hello", who=WHO, **wanted)
        assert dropped.headers["x-portico-cache"] == "miss"
