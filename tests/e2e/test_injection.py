"""What is written into names, filters and searches is text: it changes and opens nothing."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from portico.api.operator import RequestFilter
from portico.api.traces import TraceFilter
from tests.serving import House, house

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

CORPUS = (
    "' OR '1'='1",
    "'; DROP TABLE requests; DROP TABLE portico.requests; --",
    '"; DELETE FROM attempts; --',
    "') UNION SELECT id, secret, 1 FROM keys --",
    "%",
    "_",
    "$1",
    '{"$ne": null}',
    "$where: sleep(5000)",
    "NEAR(a b) OR said:*",
    "'||pg_sleep(5)||'",
    "a\tb\r\nX-Injected: yes",
)


FILTERS = {"/api/requests": RequestFilter, "/api/traces": TraceFilter}
FREE = str | None
"""The kind of a filter that takes any text."""


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "sqlite":
        return {}
    url = str(request.getfixturevalue("database"))
    return {"stores": {"ledger": url, "traces": url}}


async def asked(there: House, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask, again where a busy machine kept a store from answering in time."""
    while True:
        answer = await there.client.request(method, path, **more)
        if answer.status_code != 503:
            return answer
        await asyncio.sleep(0.1)


async def told(there: House) -> dict[str, Any]:
    """What is there, so far as it was not made by the corpus."""
    await there.requests()
    await there.serving.traces.recorder.flush()
    found: dict[str, Any] = {}
    for name, path in {
        "requests": "/api/requests?role=code",
        "usage": "/api/usage?by=role",
        "traces": "/api/traces?role=code",
        "people": "/api/people",
        "teams": "/api/teams",
        "keys": "/api/keys",
    }.items():
        answer = await asked(there, "GET", path)
        assert answer.status_code == 200, answer.text
        found[name] = answer.json()
    found["usage"] = [one for one in found["usage"]["usage"] if one["key"] == "code"]
    return found


async def filtered(there: House, path: str, field: str, text: str) -> None:
    """No filter lets anything pass that is not what it says."""
    answer = await asked(there, "GET", path, params={field: text})
    assert answer.status_code in (200, 400), f"{field}={text!r}: {answer.text}"
    if answer.status_code == 200:
        (page,) = [held for held in answer.json().values() if isinstance(held, list)]
        assert page == [], f"{field}={text!r} lets something pass"
    else:
        assert answer.json()["error"]["param"] == field


async def choosing(there: House, text: str) -> None:
    """Where one of a few words, or a number, is wanted, nothing else is taken."""
    for path, fields in FILTERS.items():
        for field, kind in fields.model_fields.items():
            if kind.annotation != FREE:
                answer = await asked(there, "GET", path, params={field: text})
                assert answer.status_code == 400, f"{field}={text!r}: {answer.text}"


async def tried(there: House, text: str) -> None:
    """Put *text* wherever somebody's own words go."""
    for path, fields in FILTERS.items():
        for field, kind in fields.model_fields.items():
            if kind.annotation == FREE:
                await filtered(there, path, field, text)
    assert (await asked(there, "GET", "/api/usage", params={"by": text})).status_code == 400
    name = quote(text, safe="")
    assert (await asked(there, "GET", f"/api/requests/{name}")).status_code in (400, 404)
    assert (await asked(there, "GET", f"/api/requests/{name}/trace")).status_code in (400, 404)
    assert (await asked(there, "GET", f"/api/people/{name}")).status_code in (400, 404)
    assert (await asked(there, "DELETE", f"/api/teams/{name}")).status_code in (400, 404)
    found = await asked(there, "POST", "/v1/design/search", json={"text": text})
    assert found.status_code == 200, found.text
    assert found.json()["hits"] == []
    assert (await there.chat("hello", model=text)).status_code in (400, 404)


async def named(there: House, text: str) -> None:
    """A key may be called anything: it is called exactly that, or it is refused."""
    made = await asked(there, "POST", "/api/keys", json={"name": text})
    if made.status_code == 201:
        assert made.json()["key"]["name"] == text
    else:
        assert made.status_code == 400, made.text


async def test_no_text_is_more_than_text(stores: dict[str, Any], tmp_path: Path) -> None:
    given = {**stores, "access": {"required": False}, "memory": {"remember": False}}
    async with house(tmp_path, **given) as there:
        await asyncio.gather(*(there.chat(f"hello {number}") for number in range(3)))
        for path, name in {"/api/people/anna": "Anna", "/api/teams/lab": "Lab"}.items():
            assert (await asked(there, "PUT", path, json={"name": name})).is_success
        before = await told(there)
        assert len(before["requests"]["requests"]) == len(before["traces"]["traces"]) == 3
        await choosing(there, CORPUS[0])
        for text in CORPUS:
            await tried(there, text)
        assert await told(there) == before
        for text in CORPUS:
            await named(there, text)
        after = await told(there)
        keys = [one["name"] for one in after["keys"]["keys"]]
        assert set(keys) <= set(CORPUS)
        assert len(keys) == len(set(keys)) > 8
        assert after | {"keys": None} == before | {"keys": None}
