"""A thumb under an answer in Open WebUI is on the request's trace, by either way."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from portico.dispatch.polling import Front, Polling
from portico.egress.hosts import belonging
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from tests.webui.conftest import ADMIN, Lab
from tests.webui.page import Chat, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

FUNCTION = Path(__file__).parents[2] / "deploy/openwebui/functions/portico_thumbs.py"


@pytest.fixture
async def admin(webui: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open WebUI's API, as its administrator."""
    async with httpx.AsyncClient(base_url=webui, timeout=60, trust_env=False) as client:
        token = (await client.post("/api/v1/auths/signin", json=ADMIN)).json()["token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield client


async def rated(chat: Chat, lab: Lab, label: str) -> dict[str, Any]:
    """Ask, press a thumb, and return the card of the answer's request."""
    await chat.new("design")
    await chat.say("SAY: a plan")
    await chat.done()
    (row, *_) = [row for row in await lab.requests() if row["task"] is None]
    await chat.rate(label)
    return row


async def thumb(lab: Lab, ident: str) -> str | None:
    found = await lab.client.get(f"/api/requests/{ident}/trace")
    thumb: str | None = found.json()["card"]["thumb"]
    return thumb


async def test_a_thumb_is_found_in_the_list_of_feedback(
    chat: Chat, lab: Lab, webui: str, admin: httpx.AsyncClient
) -> None:
    row = await rated(chat, lab, "Good Response")
    await chat.show("thumb")
    assert row["message"]
    async with aclosing(Pool(Direct())) as pool:
        pool.belong(belonging([("direct", webui)]))
        key = admin.headers["authorization"].removeprefix("Bearer ")
        told = await Polling(pool, Front(webui, key), lab.serving.thumbs).once()
    assert (told.trouble, told.joined >= 1, told.unread) == ("", True, 0)
    assert await thumb(lab, row["id"]) == "up"


async def test_the_function_tells_of_a_thumb_as_it_is_given(
    chat: Chat, lab: Lab, admin: httpx.AsyncClient
) -> None:
    function = {"id": "portico_thumbs", "name": "Portico thumbs", "meta": {"description": "-"}}
    made = await admin.post(
        "/api/v1/functions/create", json={**function, "content": FUNCTION.read_text()}
    )
    assert made.status_code == 200, made.text
    where = "/api/v1/functions/id/portico_thumbs"
    valves = {"portico_url": lab.url, "portico_key": lab.key}
    assert (await admin.post(f"{where}/valves/update", json=valves)).status_code == 200
    assert (await admin.post(f"{where}/toggle")).json()["is_active"]
    try:
        row = await rated(chat, lab, "Bad Response")
        assert await until(lambda: thumb(lab, row["id"]), lambda found: found is not None) == "down"
    finally:
        await admin.delete(f"{where}/delete")
