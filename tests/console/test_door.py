"""Who comes in, who does not, and what becomes of what they were sending."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from portico.wiring import keyring
from tests.console.seats import Person, words
from tests.serving import House, house

pytestmark = pytest.mark.anyio


async def key_of(lab: House, folder: Path, name: str = "anna") -> tuple[str, str]:
    """Make a key and let the gate know; give its id and text."""
    issued = await keyring(folder / "home").issue(name)
    lab.serving.gate.know(await keyring(folder / "home").roster())
    return issued.key.id, issued.text


async def test_without_keys_the_console_is_open_to_this_machine(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await Person(lab).look()
    assert answer.status_code == 200
    assert "no key exists yet" in words(answer)


async def test_but_not_by_a_name_that_anybodys_page_could_make_lead_here(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await lab.client.get("/console", headers={"host": "evil.example"})
        posted = await lab.client.post(
            "/console/tiers/qwen-vl/park", headers={"host": "evil.example"}, data={"why": "x"}
        )
        assert lab.serving.operating.orders.parked == {}
    assert (answer.status_code, posted.status_code) == (403, 403)
    assert "evil.example" in words(answer)


async def test_with_keys_one_has_to_log_in_and_comes_to_where_one_wanted_to(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        _, text = await key_of(lab, tmp_path)
        person = Person(lab)
        away = await person.look("/requests", role="code")
        login = await person.look(away.headers["location"].removeprefix("/console"))
        entered = await person.send("/login", key=text, next="/console/requests?role=code")
        inside = await person.look("/requests")
    assert away.status_code == 303
    assert away.headers["location"] == "/console/login?next=%2Fconsole%2Frequests%3Frole%3Dcode"
    assert 'value="/console/requests?role=code"' in login.text
    assert (entered.status_code, entered.headers["location"]) == (
        303,
        "/console/requests?role=code",
    )
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/console" in cookie
    assert text.lower() not in cookie
    assert inside.status_code == 200
    assert "anna" in words(inside)


@pytest.mark.parametrize("given", ["", "pk-nobody", "pk-" + "x" * 43, "<script>", "Ж" * 46])
async def test_a_key_that_is_not_known_opens_nothing(tmp_path: Path, given: str) -> None:
    async with house(tmp_path) as lab:
        await key_of(lab, tmp_path)
        person = Person(lab)
        await person.look("/login")
        refused = await person.send("/login", key=given)
        still = await person.look("/requests")
    assert refused.status_code == 401
    assert "not known" in words(refused)
    assert still.status_code == 303


async def test_a_revoked_key_ends_what_it_opened(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        ident, text = await key_of(lab, tmp_path)
        person = Person(lab)
        await person.look("/login")
        await person.send("/login", key=text)
        before = await person.look("/tiers")
        await keyring(tmp_path / "home").revoke(ident)
        lab.serving.gate.know(await keyring(tmp_path / "home").roster())
        after = await person.look("/tiers")
    assert (before.status_code, after.status_code) == (200, 303)


async def test_whoever_logs_out_is_out(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        _, text = await key_of(lab, tmp_path)
        person = Person(lab)
        await person.look("/login")
        await person.send("/login", key=text)
        await person.look()
        out = await person.send("/logout")
    assert out.status_code == 303
    assert 'portico_console=""' in out.headers["set-cookie"]


@pytest.mark.parametrize("following", ["//evil.example", "https://evil.example", "/v1/models"])
async def test_a_login_leads_nowhere_else(tmp_path: Path, following: str) -> None:
    async with house(tmp_path) as lab:
        _, text = await key_of(lab, tmp_path)
        person = Person(lab)
        await person.look("/login", next=following)
        entered = await person.send("/login", key=text, next=following)
    assert entered.headers["location"] == "/console"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_a_form_of_another_page_does_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        await person.look("/tiers")
        fields = {"token": person.token}
        sent = await person._ask("POST", "/tiers/qwen-vl/park", data=fields, headers=headers)
        assert lab.serving.operating.orders.parked == {}
    assert sent.status_code == 403
    assert "nothing was changed" in words(sent)


async def test_a_form_of_a_seat_that_was_lost_is_offered_again(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        asked = await person.send("/tiers/qwen-vl/park", why="too dear")
        assert (asked.status_code, lab.serving.operating.orders.parked) == (409, {})
        assert "too dear" in words(asked)
        done = await person.send("/tiers/qwen-vl/park", why="too dear")
        assert done.status_code == 303
        assert "qwen-vl" in lab.serving.operating.orders.parked


@pytest.mark.parametrize("token", ["", "0" * 64, "Ж"])
async def test_a_form_without_its_token_does_nothing(tmp_path: Path, token: str) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        await person.look("/tiers")
        person.token = token
        sent = await person.send("/tiers/qwen-vl/park")
        assert lab.serving.operating.orders.parked == {}
    assert sent.status_code == 403


async def test_what_was_being_sent_when_the_seat_was_over_is_not_lost(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        _, text = await key_of(lab, tmp_path)
        person = Person(lab)
        refused = await person.send("/tiers/qwen-vl/park", why='"><script>canary()</script>')
        assert refused.status_code == 401
        assert "it is not lost" in words(refused)
        assert "<script>canary" not in refused.text
        kept = {"kept.why": "too dear", "next": "/console/tiers/qwen-vl/park"}
        asked = await person.send("/login", key=text, **kept)
        assert asked.status_code == 200
        assert lab.serving.operating.orders.parked == {}, "a person says so once more"
        assert "too dear" in words(asked)
        done = await person.send("/tiers/qwen-vl/park", why="too dear")
        assert done.status_code == 303
        assert lab.serving.operating.orders.parked["qwen-vl"].why == "too dear"


async def test_every_answer_holds_its_page_together(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for path in ("", "/requests", "/nowhere", "/static/x/app.css", "/login"):
            answer = await lab.client.get(f"/console{path}")
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_page_has_anything_inline_but_the_sheet_that_its_policy_knows(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        for path in ("", "/requests", "/tiers", "/try", "/settings", "/login", "/nowhere"):
            answer = await person.look(path)
            text = answer.text
            if answer.status_code == 303:
                continue
            [sheet] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
            digest = b64encode(sha256(sheet.encode()).digest()).decode()
            styles = f"style-src 'self' 'sha256-{digest}';"
            assert styles in answer.headers["content-security-policy"]
            assert "<script>" not in text
            assert " style=" not in text
            assert " onclick" not in text
            assert "http://" not in text.replace("http://127.0.0.1", "")


async def test_a_file_keeps_its_address_for_a_year_and_has_none_without_its_version(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        page = (await lab.client.get("/console")).text
        address = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
        found = await lab.client.get(address)
        wrong = await lab.client.get("/console/static/0/app.css")
        up = await lab.client.get("/console/static/0/..%2fpages.py")
    assert "immutable" in found.headers["cache-control"]
    assert found.headers["content-type"].startswith("text/")
    assert (wrong.status_code, up.status_code) == (404, 404)


async def test_a_form_without_a_length_is_not_waited_for(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:

        async def endless():  # type: ignore[no-untyped-def]
            yield b"token=1"

        sent = await lab.client.post(
            "/console/try",
            content=endless(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
    assert sent.status_code == 400
