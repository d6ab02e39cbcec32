"""Limits at the door, through real sockets: how much, how fast, for whom, and what of."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from portico.access.base import Person, Terms
from portico.ledger.base import RequestQuery
from portico.wiring import keyring
from tests.access.test_vouching import token
from tests.serving import House, house

pytestmark = pytest.mark.anyio

PRICED = {"targets": {"deepseek-v3": {"price": {"input": 0, "output": 1000}}}}
"""A thousand dollars a million tokens: a tenth of a cent each, and a cent for ten."""

ONE = {"model": "deepseek-v3", "max_tokens": 100}
"""At most ten cents."""


async def key(lab: House, home: Path, name: str = "anna", **terms: Any) -> dict[str, str]:
    """Make a key that the house knows, and return the header that carries it."""
    ring = keyring(home)
    if not await ring.list():
        await ring.issue("operator")
    made = await ring.issue(name, terms=Terms(**terms), admin=False)
    gate = lab.serving.gate
    gate.know(await ring.roster())
    return {"authorization": f"Bearer {made.text}"}


async def ask(lab: House, headers: dict[str, str], **body: Any) -> httpx.Response:
    asked = {"messages": [{"role": "user", "content": "hello"}], **ONE, **body}
    return await lab.client.post("/v1/chat/completions", json=asked, headers=headers)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


async def test_fifty_at_once_against_room_for_ten_overspend_by_one_reservation_at_most(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, **PRICED) as lab:
        mine = await key(lab, tmp_path / "home", usd_per_day=Decimal("1.00"))
        answers = await asyncio.gather(*(ask(lab, mine) for _ in range(50)))
        later = [await ask(lab, mine) for _ in range(40)]
        (used,) = lab.serving.gateway.limits.spent(0)
        await lab.serving.gateway.ledger.flush()
        operator = await keyring(tmp_path / "home").rotate("operator")
        lab.serving.gate.know(await keyring(tmp_path / "home").roster())
        told = await lab.client.get(
            "/api/usage?by=caller", headers={"authorization": f"Bearer {operator.text}"}
        )

    good = [one for one in answers if one.status_code == 200]
    refused = [one for one in answers if one.status_code == 429]
    assert len(good) + len(refused) == 50
    assert 1 <= len(good) <= 10  # ten cents each, or less
    assert {code(one) for one in refused} == {"quota_exceeded"}
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert "The key 'anna'" in refused[0].json()["error"]["message"]
    spent = Decimal(used[1]).scaleb(-9)
    assert spent <= Decimal("1.10")
    assert later[-1].status_code == 429
    assert "is spent" in later[-1].json()["error"]["message"]
    usage = told.json()["usage"]
    assert Decimal(usage[0]["cost_usd"]) == spent  # what was reserved in vain was given back


async def test_a_hung_up_request_gives_its_reservation_back(tmp_path: Path) -> None:
    async with house(tmp_path, **PRICED) as lab:
        mine = await key(lab, tmp_path / "home", usd_per_day=Decimal("0.05"))
        lab.simulator.fault("siliconflow", "*", "silent")
        asking = asyncio.create_task(ask(lab, mine))
        limits = lab.serving.gateway.limits
        for _ in range(1000):
            if begun := [one for one in limits.accounts() if limits.used(one, 0).under_way]:
                break
            await asyncio.sleep(0.02)
        refused = await ask(lab, mine)
        asking.cancel()
        for _ in range(1000):
            if not (used := limits.used(begun[0], 0)).under_way:
                break
            await asyncio.sleep(0.02)
        lab.simulator.faults.clear()
        again = await ask(lab, mine)
    assert refused.json()["error"]["param"] == "usd_per_day"
    assert "under way" in refused.json()["error"]["message"]
    assert (used.reserved, used.under_way, used.today) == (0, 0, 0)
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("terms", "limit", "good"),
    [
        ({"requests_per_minute": 3}, "requests_per_minute", 3),
        ({"tokens_per_minute": 1}, "tokens_per_minute", 1),
    ],
)
async def test_who_asks_too_fast_is_told_which_limit_and_when(
    terms: dict[str, Any], limit: str, good: int, tmp_path: Path
) -> None:
    async with house(tmp_path) as lab:
        mine = await key(lab, tmp_path / "home", **terms)
        theirs = await key(lab, tmp_path / "home", "bert")
        answers = [await ask(lab, mine) for _ in range(good + 1)]
        other = await ask(lab, theirs)
    assert [one.status_code for one in answers] == [200] * good + [429]
    error = answers[-1].json()["error"]
    assert (error["param"], error["source"], error["attempts"]) == (limit, "client", [])
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert other.status_code == 200


async def test_simulated_answers_and_unknown_prices_cost_nothing_and_are_counted(
    tmp_path: Path,
) -> None:
    changes: dict[str, Any] = {"targets": {"deepseek-v3": {"price": None}}}
    async with house(tmp_path, **changes) as lab:
        terms = {"usd_per_day": Decimal("0.000000001"), "requests_per_minute": 4}
        mine = await key(lab, tmp_path / "home", **terms)
        answers = [await ask(lab, mine) for _ in range(5)]
        spent = list(lab.serving.gateway.limits.spent(0))
    assert [one.status_code for one in answers] == [200, 200, 200, 200, 429]
    assert answers[-1].json()["error"]["param"] == "requests_per_minute"
    assert spent == []


async def test_what_is_not_allowed_is_refused_by_name_listed_nowhere_and_explained_alike(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        mine = await key(
            lab, tmp_path / "home", roles=frozenset({"code"}), targets=frozenset({"qwen3-coder"})
        )
        listed = (await lab.client.get("/v1/models", headers=mine)).json()["data"]
        asked: Callable[[str], Any] = lambda name: ask(lab, mine, model=name)  # noqa: E731
        answers = {name: await asked(name) for name in ("code", "auto", "qwen3-coder")}
        refused = {name: await asked(name) for name in ("design", "deepseek-v3", "gemini-3-flash")}
        explained: dict[str, httpx.Response] = {}
        for name in (*answers, *refused):
            body = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
            explained[name] = await lab.client.post("/v1/route/explain", json=body, headers=mine)
        one = await lab.client.get("/v1/models/design", headers=mine)
        picture = [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
        ]
        blind = await ask(lab, mine, model="code", messages=[{"role": "user", "content": picture}])

    assert [row["id"] for row in listed] == ["auto", "code", "qwen3-coder"]
    assert listed[1]["portico"]["targets"] == ["qwen3-coder"]
    for name, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-portico-target"] == "qwen3-coder"
        assert [c["target"] for c in explained[name].json()["candidates"]] == ["qwen3-coder"]
    for name, answer in refused.items():
        for refusal in (answer, explained[name]):
            assert (refusal.status_code, code(refusal)) == (403, "model_not_allowed")
            assert repr(name) in refusal.json()["error"]["message"]
            assert refusal.json()["error"]["param"] == "model"
    assert one.status_code == 403
    assert blind.status_code == 422


async def test_operators_routes_are_for_operators(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        before = await lab.client.get("/api/usage")
        mine = await key(lab, tmp_path / "home")
        answers = [
            await lab.client.get("/api/usage", headers=mine),
            await lab.client.get("/api/requests", headers=mine),
            await lab.client.post("/api/catalog/reload", headers=mine),
        ]
        nobody = await lab.client.get("/api/usage")
    assert before.status_code == 200  # no key was made yet, on this machine
    assert {(one.status_code, code(one)) for one in answers} == {(403, "forbidden")}
    assert nobody.status_code == 401


FRONT = {
    "x-openwebui-user-id": "u-1",
    "x-openwebui-user-email": "Anna@Lab.example",
    "x-openwebui-chat-id": "c-1",
    "x-openwebui-message-id": "m-1",
}


async def test_a_front_end_names_its_user_and_their_chat_and_nobody_else_can(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        ring = keyring(tmp_path / "home")
        operator = await ring.issue("operator")
        front = await ring.issue("webui", trusted=True)
        other = await ring.issue("bert")
        lab.serving.gate.know(await ring.roster())
        for made in (front, other):
            await ask(lab, {"authorization": f"Bearer {made.text}", **FRONT})
        await lab.serving.gateway.ledger.flush()
        theirs = {"authorization": f"Bearer {operator.text}"}
        rows = (await lab.client.get("/api/requests", headers=theirs)).json()["requests"]
        of_anna = await lab.client.get("/api/requests?person=anna@lab.example", headers=theirs)
    told = [(row["caller"], row["person"], row["chat"], row["message"]) for row in rows]
    assert told == [
        (other.key.id, None, None, None),
        (front.key.id, "anna@lab.example", "c-1", "m-1"),
    ]
    assert len(of_anna.json()["requests"]) == 1


async def test_what_was_spent_is_known_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, **PRICED) as lab:
        mine = await key(lab, tmp_path / "home", usd_per_day=Decimal("0.000001"))
        before = [(await ask(lab, mine)).status_code for _ in range(2)]
    async with house(tmp_path, **PRICED) as lab:
        after = await ask(lab, mine)
    (tmp_path / "home" / "access.snapshot").unlink()  # the ledger alone knows it, too
    async with house(tmp_path, **PRICED) as lab:
        later = await ask(lab, mine)
    assert before == [200, 429]
    for answer in (after, later):
        assert (answer.status_code, answer.json()["error"]["param"]) == (429, "usd_per_day")


async def test_known_keys_work_across_a_restart_without_their_store_and_it_comes_back_by_itself(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    stranger = {"authorization": f"Bearer pk-{'a' * 43}"}
    async with house(tmp_path) as lab:
        mine = await key(lab, home)
        await lab.serving.ring.roster()
    (home / "access.db").rename(home / "elsewhere.db")
    (home / "access.db").write_text("this is no database, and rather long at that\n" * 100)
    async with house(tmp_path) as lab:
        known, unknown = await ask(lab, mine), await ask(lab, stranger)
        ready = (await lab.client.get("/readyz")).json()
        (home / "elsewhere.db").rename(home / "access.db")
        for _ in range(200):
            if not lab.serving.gate.store_away:
                break
            await asyncio.sleep(0.05)
        back = [await ask(lab, one) for one in (mine, stranger)]
    assert known.status_code == 200
    assert (unknown.status_code, code(unknown)) == (503, "store_unavailable")
    assert unknown.headers["retry-after"]
    assert (ready["status"], ready["stores"]["access"]) == ("degraded", "away")
    assert [one.status_code for one in back] == [200, 401]


async def test_a_signed_user_is_believed_from_any_key_and_a_forged_one_from_none(
    tmp_path: Path,
) -> None:
    secret = "what only the front end knows"
    async with house(tmp_path, access={"user_jwt_secret": secret}) as lab:
        mine = await key(lab, tmp_path / "home")
        claims = {"email": "anna@lab.example", "iss": "open-webui", "exp": time.time() + 300}
        signed = token(claims, secret=secret.encode()).decode()
        forged = token(claims, secret=b"a guess").decode()
        late = token({**claims, "exp": time.time() - 1}, secret=secret.encode()).decode()
        for each in (signed, forged, late):
            headers = {**mine, **FRONT, "x-openwebui-user-jwt": each}
            assert (await ask(lab, headers)).status_code == 200
        await lab.serving.gateway.ledger.flush()
        rows = await lab.serving.ledger.requests(RequestQuery())
    told = [(row.person, row.chat) for row in reversed(rows)]
    assert told == [("anna@lab.example", "c-1"), (None, None), (None, None)]


async def test_embeddings_are_held_to_the_same_terms(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        name = "bge-m3"
        roles = await key(lab, tmp_path / "home", roles=frozenset({"code"}))
        mine = await key(
            lab, tmp_path / "home", "bert", targets=frozenset({name}), requests_per_minute=1
        )
        body = {"model": name, "input": "hello"}
        refused = await lab.client.post("/v1/embeddings", json=body, headers=roles)
        answers = [
            await lab.client.post("/v1/embeddings", json=body, headers=mine) for _ in range(2)
        ]
        listed = (await lab.client.get("/v1/models", headers=mine)).json()["data"]
    assert (refused.status_code, code(refused)) == (403, "model_not_allowed")
    assert [one.status_code for one in answers] == [200, 429]
    assert code(answers[1]) == "quota_exceeded"
    assert [row["id"] for row in listed] == [name]


async def test_each_user_of_a_front_end_has_the_budget_of_everybody_for_themselves(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        ring = keyring(tmp_path / "home")
        await ring.issue("operator")
        front = await ring.issue("webui", trusted=True)
        await lab.serving.members.put(Person, "*", "a test", terms=Terms(requests_per_minute=1))
        lab.serving.gate.know(await ring.roster())
        via = {"authorization": f"Bearer {front.text}"}
        people = [{**via, "x-openwebui-user-email": f"{one}@lab.example"} for one in ("ann", "bob")]
        answers = [await ask(lab, headers) for _ in range(2) for headers in people]
    assert [one.status_code for one in answers] == [200, 200, 429, 429]
    assert answers[2].json()["error"]["message"].startswith("Ann@lab.example: ")


async def test_keys_and_what_was_spent_are_where_the_ledger_is(
    database: str, tmp_path: Path
) -> None:
    """A whole gateway on a real Postgres, twice; nothing of it is in a file but the secret."""
    changes: dict[str, Any] = {**PRICED, "stores": {"ledger": database}}

    async def known(lab: House) -> None:
        for _ in range(500):  # the tables are made in the background
            if lab.serving.gate.roster is not None:
                return
            await asyncio.sleep(0.02)

    async with house(tmp_path, **changes) as lab:
        await known(lab)
        first = await lab.client.post("/api/keys", json={"name": "operator"})
        theirs = {"authorization": f"Bearer {first.json()['text']}"}
        body = {"name": "anna", "terms": {"usd_per_day": "0.000001"}}
        made = (await lab.client.post("/api/keys", json=body, headers=theirs)).json()
        mine = {"authorization": f"Bearer {made['text']}"}
        before = [(await ask(lab, mine)).status_code for _ in range(2)]
        await lab.serving.gateway.ledger.flush()
    (tmp_path / "home" / "access.snapshot").unlink()
    async with house(tmp_path, **changes) as lab:
        await known(lab)
        for _ in range(200):
            if (after := await ask(lab, mine)).status_code == 429:
                break
            await asyncio.sleep(0.05)
        told = await lab.client.get(f"/api/keys/{made['key']['id']}", headers=theirs)
    assert before == [200, 429]
    assert after.json()["error"]["param"] == "usd_per_day"
    assert Decimal(told.json()["used"]["today"]) >= Decimal("0.000001")
    assert not (tmp_path / "home" / "access.db").exists()
    assert (tmp_path / "home" / "secret").exists()
