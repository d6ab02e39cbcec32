"""Keys, people, teams and the record of what operators did, over HTTP."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.wires import enveloped
from tests.serving import House, house

pytestmark = pytest.mark.anyio


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


async def made(lab: House, by: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = await lab.client.post("/api/keys", json={"name": "anna", **body}, headers=by)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def operator(lab: House) -> dict[str, str]:
    """Make the first key of all, over an open gateway, and return its header."""
    return bearer((await made(lab, {}, name="ops"))["text"])


async def test_a_key_lives_from_its_making_to_its_end(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        ops = await operator(lab)
        team = await lab.client.put("/api/teams/LAB", json={"name": "The Lab"}, headers=ops)
        terms = {"roles": ["code"], "usd_per_day": "2.50", "requests_per_minute": 5}
        whose = {"person": "Anna@Lab.example", "team": "lab", "trusted": True, "expires_in": 60}
        key = await made(lab, ops, terms=terms, **whose)
        ident, text = key["key"]["id"], key["text"]
        asked = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
        first = await lab.client.post("/v1/chat/completions", json=asked, headers=bearer(text))
        changed = await lab.client.patch(
            f"/api/keys/{ident}", json={"terms": {"roles": ["design"]}}, headers=ops
        )
        refused = await lab.client.post("/v1/chat/completions", json=asked, headers=bearer(text))
        turned = await lab.client.post(f"/api/keys/{ident}/rotate", json={}, headers=ops)
        both = [
            (await lab.client.get("/v1/models", headers=bearer(one))).status_code
            for one in (text, turned.json()["text"])
        ]
        again = await lab.client.post(f"/api/keys/{ident}/rotate", json={"overlap": 0}, headers=ops)
        stale = await lab.client.get("/v1/models", headers=bearer(turned.json()["text"]))
        revoked = await lab.client.delete(f"/api/keys/{ident}", headers=ops)
        closed = await lab.client.get("/v1/models", headers=bearer(again.json()["text"]))
        late = await lab.client.patch(f"/api/keys/{ident}", json={"admin": True}, headers=ops)
        listed = (await lab.client.get("/api/keys", headers=ops)).json()["keys"]

    assert (team.status_code, team.json()["id"]) == (200, "lab")
    told = key["key"]
    assert (told["person"], told["team"], told["trusted"]) == ("anna@lab.example", "lab", True)
    assert told["terms"] == terms
    assert told["expires"] == pytest.approx(time.time() + 60, abs=60)
    assert (told["admin"], told["state"], text[-4:]) == (False, "live", told["ends_with"])
    assert (first.status_code, refused.status_code) == (200, 403)
    assert changed.json()["terms"] == {"roles": ["design"]}
    assert changed.json()["trusted"] is True  # what is left out stays
    assert both == [200, 200]
    assert "was replaced" in enveloped(401, stale.headers, stale.json())["message"]
    assert revoked.json()["state"] == "revoked"
    assert closed.status_code == 401
    assert enveloped(400, late.headers, late.json())["code"] == "malformed_request"
    assert [one["name"] for one in listed] == ["ops", "anna"]
    assert listed[0]["admin"] is True
    assert "pk-" not in str(listed)


async def test_people_and_teams_are_put_found_and_forgotten(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        client = lab.client
        missing = await client.put("/api/people/anna", json={"team": "lab"})
        await client.put("/api/teams/lab", json={"terms": {"usd_per_month": 100}})
        put = await client.put(
            "/api/people/Anna@Lab.example", json={"team": "lab", "terms": {"concurrency": 2}}
        )
        named = await client.put("/api/people/anna@lab.example", json={"name": "Anna"})
        people = (await client.get("/api/people")).json()["people"]
        teams = (await client.get("/api/teams")).json()["teams"]
        one = await client.get("/api/people/ANNA@lab.example")
        gone = [await client.delete("/api/people/anna@lab.example") for _ in range(2)]
        left = [await client.get(f"/api/{kind}") for kind in ("people", "teams")]

    assert enveloped(400, missing.headers, missing.json())["param"] == "team"
    assert put.json()["id"] == "anna@lab.example"
    assert named.json()["terms"] == {"concurrency": 2}
    assert people == [named.json()] == [one.json()]
    assert teams[0]["terms"] == {"usd_per_month": "100"}
    assert teams[0]["used"]["today"] == "0E-9" or float(teams[0]["used"]["today"]) == 0
    assert [one.status_code for one in gone] == [200, 404]
    assert [len(next(iter(one.json().values()))) for one in left] == [0, 1]


async def test_every_act_is_on_record_with_what_it_changed_and_without_secrets(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        key = await made(lab, {}, name="ops")
        ops = bearer(key["text"])
        other = await made(lab, ops)
        await lab.client.patch(f"/api/keys/{other['key']['id']}", json={"admin": True}, headers=ops)
        await lab.client.put("/api/teams/lab", json={}, headers=ops)
        await lab.client.post("/api/catalog/reload", headers=ops)
        deeds = (await lab.client.get("/api/audit", headers=ops)).json()
        page = (await lab.client.get("/api/audit?limit=2", headers=ops)).json()
        rest = (await lab.client.get(f"/api/audit?before={page['next']}", headers=ops)).json()

    told = [(one["what"], one["by"].split(" ")[0]) for one in deeds["deeds"]]
    ident = key["key"]["id"]
    assert told == [
        ("catalog.reloaded", ident),
        ("team.created", ident),
        ("key.changed", ident),
        ("key.created", ident),
        ("key.created", "nobody"),
    ]
    changed = deeds["deeds"][2]
    assert (changed["before"]["admin"], changed["after"]["admin"]) == (False, True)
    assert page["deeds"] + rest["deeds"] == deeds["deeds"]
    for secret in (key["text"], other["text"]):
        assert secret[3:20] not in str(deeds)


BAD: list[tuple[str, str, Any, str]] = [
    ("post", "/api/keys", {}, "name"),
    ("post", "/api/keys", {"name": ""}, "name"),
    ("post", "/api/keys", {"name": "pk-x"}, "name"),
    ("post", "/api/keys", {"name": "a", "colour": "red"}, "colour"),
    ("post", "/api/keys", {"name": "a", "terms": {"usd_per_day": -1}}, "terms.usd_per_day"),
    ("post", "/api/keys", {"name": "a", "terms": {"usd_per_day": "NaN"}}, "terms.usd_per_day"),
    ("post", "/api/keys", {"name": "a", "terms": {"concurrency": 1.5}}, "terms.concurrency"),
    ("post", "/api/keys", {"name": "a", "terms": {"capture": "half"}}, "terms.capture"),
    ("post", "/api/keys", {"name": "a", "terms": {"roles": ["zebra"]}}, "terms.roles"),
    ("post", "/api/keys", {"name": "a", "terms": {"targets": ["zebra"]}}, "terms.targets"),
    ("post", "/api/keys", {"name": "a", "team": "zebras"}, "team"),
    ("post", "/api/keys", {"name": "a", "expires_in": 0}, "expires_in"),
    ("put", "/api/people/key_1", {}, "id"),
    ("put", "/api/teams/*", {}, "id"),
    ("put", "/api/people/anna", {"terms": {"roles": "code"}}, "terms.roles"),
    ("get", "/api/audit?limit=0", None, "limit"),
    ("get", "/api/audit?before=x", None, "before"),
]


async def test_what_is_wrong_is_named_and_nothing_is_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for method, path, body, param in BAD:
            answer: httpx.Response = await lab.client.request(method, path, json=body)
            error = enveloped(answer.status_code, answer.headers, answer.json())
            assert (answer.status_code, error["param"]) == (400, param), (path, body, error)
        assert (await lab.client.get("/api/keys")).json() == {"keys": []}
        assert (await lab.client.get("/api/audit")).json() == {"deeds": [], "next": None}
