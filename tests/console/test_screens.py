"""Each screen answers its question."""

import asyncio
import io
import json
import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from portico.console.tiers import moved
from tests.console.seats import Person, words
from tests.egress.servers import until
from tests.serving import PNG, house

pytestmark = pytest.mark.anyio

BARE = {"upstreams": {name: {"api_key": ""} for name in ("google", "siliconflow", "deepseek")}}


async def test_now_says_that_it_works_and_how_every_target_stands(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        fine = words(await Person(lab).look())
        lab.simulator.fault("gemini", "*", "invalid_key")
        await lab.chat(model="gemini-3-flash")
        await lab.requests()
        ill = words(await Person(lab).look())
    assert "Working" in fine
    assert fine.index("The first five minutes") < fine.index("Tier 1")  # for who has not asked yet
    assert ill.index("The first five minutes") > ill.index("Tier 1")
    assert "4 of 4 targets can be asked" in fine
    assert "3 of 4 targets can be asked" in ill
    assert "SIMULATED" not in fine
    assert "Degraded" in ill
    assert "gemini-3-flash rests: Its key is refused" in ill


async def test_what_is_simulated_carries_a_badge_on_every_screen(tmp_path: Path) -> None:
    async with house(tmp_path, **BARE) as lab:
        await lab.chat()
        [row] = await lab.requests()
        person = Person(lab)
        for path in ("", "/requests", f"/requests/{row['id']}", "/tiers", "/try"):
            assert "SIMULATED" in words(await person.look(path)), path
        assert "$0, because it is simulated" in words(await person.look(f"/requests/{row['id']}"))


async def test_requests_are_filtered_and_paged(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        for _ in range(51):
            await lab.chat(model="qwen3-coder")
        await lab.chat(model="deepseek-v3")
        await lab.requests()
        person = Person(lab)
        first = await person.look("/requests", target="qwen3-coder", role="")
        assert first.text.count('href="/console/requests/req_') == 50
        older = first.text.split('rel="next" href="/console')[1].split('"')[0].replace("&amp;", "&")
        second = await person.look(older)
        assert second.text.count('href="/console/requests/req_') == 1
        assert "$0.0000" in words(second)  # what it cost
        none = await person.look("/requests", kind="region")
        assert "No request is like that" in words(none)


async def test_requests_are_found_by_who_asked_where_whose_fault_and_thumbs(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:

        async def ask(person: str, model: str, **headers: str) -> str:
            body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
            named = {"x-openwebui-user-email": person, **headers}
            answer = await lab.client.post("/v1/chat/completions", json=body, headers=named)
            ident: str = answer.headers["x-portico-request-id"]
            if answer.is_error:
                faults[ident] = answer.json()["error"]["source"]
            return ident

        faults: dict[str, str] = {}
        chat = {"x-openwebui-chat-id": "c-1", "x-openwebui-message-id": "m-1"}
        anna = await ask("anna@lab.example", "code", **chat)
        bert = await ask("bert@lab.example", "code")
        lab.simulator.fault("siliconflow", "deepseek-ai/DeepSeek-V3", "overloaded", times=None)
        failed = await ask("bert@lab.example", "deepseek-v3")
        refused = await ask("bert@lab.example", "no-such-model")
        about = {"chat_id": "c-1", "message_id": "m-1", "rating": -1, "reason": "too slow"}
        assert (await lab.client.post("/v1/feedback", json=about)).json()["request_id"] == anna
        known = {row["id"] for row in await lab.requests()}
        person = Person(lab)

        async def found(**given: str) -> set[str]:
            page = await person.look("/requests", **given)
            return set(re.findall(r'href="/console/requests/(req_\w+)"', page.text))

        assert await found(person="anna@lab.example") == await found(chat="c-1") == {anna}
        assert await found(thumb="down", role="code") == {anna}
        assert await found(thumb="down", outcome="failed") == await found(thumb="up") == set()
        assert await found(thumb="down", simulated="yes") == set()
        assert await found(source="upstream", person="bert@lab.example") == {failed}
        assert await found(source="client") == {refused} & known
        assert faults == {failed: "upstream", refused: "client"}
        assert await found() == known >= {anna, bert, failed}
        page = words(await person.look(f"/requests/{anna}"))
        assert "Thumb thumb down too slow" in page
        assert "Whose fault an upstream" in words(await person.look(f"/requests/{failed}"))


async def test_a_request_says_why_and_who_was_asked_and_what_a_model_saw(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        lab.simulator.fault("gemini", "*", "overloaded")
        content = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PNG}},
        ]
        await lab.chat(content, model="design")
        await lab.serving.archive.flush()
        [row] = await lab.requests()
        person = Person(lab)
        page = await person.look(f"/requests/{row['id']}")
        picture = await person.look(f"/requests/{row['id']}/seen/0")
        beyond = await person.look(f"/requests/{row['id']}/seen/99")
        missing = await person.look("/requests/req_nobody")
    told = words(page)
    assert "design was asked for by name" in told
    assert "It carries a picture, so only who can see was a candidate" in told
    assert "deepseek-v3 passed over: does not accept image" in told
    assert "failed: unavailable" in told
    assert picture.headers["content-type"].startswith("image/")
    assert "sandbox" in picture.headers["content-security-policy"]
    assert (beyond.status_code, missing.status_code) == (404, 404)


async def test_a_parked_target_is_asked_by_nobody_until_it_is_unparked(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        await person.look("/tiers")
        parked = await person.send("/tiers/deepseek-v3/park", why="it makes things up")
        answer = await lab.chat()
        named = await lab.chat(model="deepseek-v3")
        seen = words(await person.look("/tiers"))
        await person.send("/tiers/deepseek-v3/unpark")
        again = await lab.chat()
    assert parked.status_code == 303
    assert answer.headers["x-portico-target"] == "qwen3-coder"
    assert named.status_code == 503
    assert named.json()["error"]["code"] == "target_parked"
    assert "parked it makes things up" in seen
    assert again.headers["x-portico-target"] == "deepseek-v3"


async def test_an_order_outlives_a_restart_and_a_reload(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        await person.look("/tiers")
        await person.send("/tiers/deepseek-v3/park")
        assert (await lab.client.post("/api/catalog/reload")).status_code == 200
        assert (await lab.chat()).headers["x-portico-target"] == "qwen3-coder"
    async with house(tmp_path) as lab:
        assert (await lab.chat()).headers["x-portico-target"] == "qwen3-coder"


async def test_a_simulated_target_is_switched_off_and_somebody_else_answers(tmp_path: Path) -> None:
    async with house(tmp_path, **BARE) as lab:
        person = Person(lab)
        await person.look("/tiers")
        await person.send("/tiers/deepseek-v3/off")
        answer = await lab.chat()
        seen = words(await person.look("/tiers"))
        await person.send("/tiers/deepseek-v3/on")
        again = await lab.chat()
    assert answer.headers["x-portico-target"] == "qwen3-coder"
    assert answer.headers["x-portico-attempts"] == "2"
    assert "deepseek-v3 SIMULATED deepseek-ai/DeepSeek-V3 at siliconflow down" in seen
    assert again.headers["x-portico-target"] == "deepseek-v3"


async def test_a_key_is_tested_for_one_token_and_the_price_is_said_first(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        page = await person.look("/tiers")
        assert "Test its key: $0.000013" in words(page)
        assert "deepseek-v3 is asked for one token: about $0.000006" in page.text
        went_well = await person.send("/tiers/gemini-3-flash/test")
        lab.simulator.fault("siliconflow", "*", "invalid_key", times=None)
        refused = await person.send("/tiers/deepseek-v3/test")
        rows = await lab.requests()
        assert [(row["task"], row["target"], row["outcome"]) for row in rows] == [
            ("key-test", None, "failed"),
            ("key-test", "gemini-3-flash", "answered"),
        ]
        told = words(await person.look(went_well.headers["location"].removeprefix("/console")))
        assert "gemini-3-flash answered in" in told
        assert "its key works" in told
        assert refused.headers["location"] == f"/console/requests/{rows[0]['id']}"
        assert (await person.send("/tiers/nobody/test")).status_code == 404
    (tmp_path / "bare").mkdir()
    async with house(tmp_path / "bare", **BARE) as lab:
        person = Person(lab)
        assert "Test its key" not in words(await person.look("/tiers"))
        assert (await person.send("/tiers/qwen-vl/test")).status_code == 400
        assert await lab.requests() == []


async def test_a_real_target_has_no_switch(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        page = await person.look("/tiers")
        sent = await person.send("/tiers/deepseek-v3/off")
    assert "Switch off" not in page.text
    assert sent.status_code == 400
    assert "deepseek-v3 is real" in words(sent)


async def test_a_draft_of_a_chain_is_tried_and_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        await person.look("/tiers", role="code")
        chain = ["deepseek-v3", "qwen3-coder", "gemini-3-flash"]
        fields = {"role": "code", "chain": chain, "prompt": "hello"}
        tried = await person.send("/tiers/dry-run", do="down.0", **fields)
        pictured = await person.send("/tiers/dry-run", do="drop.2", pictured="yes", **fields)
        refused = await person.send("/tiers/dry-run", do="up.9", **fields)
        answer = await lab.chat()
    told = words(tried)
    assert "By your draft 1 qwen3-coder asked first" in told
    assert "targets: [qwen3-coder, deepseek-v3, gemini-3-flash]" in told
    assert "Nobody could be asked" in words(pictured)
    assert refused.status_code == 400
    assert answer.headers["x-portico-target"] == "deepseek-v3"


async def test_several_are_asked_the_same_and_stand_side_by_side(tmp_path: Path) -> None:
    async with house(tmp_path, **BARE) as lab:
        person = Person(lab)
        await person.look("/try")
        models = ["auto", "qwen-vl", "deepseek-v3"]
        answer = await person.send("/try", model=models, prompt="Critique this", sample="yes")
        told = words(answer)
        rows = await lab.requests()
    assert "auto → gemini-3-flash" in told
    assert told.count("image/") == 2, "who sees has seen the picture"
    assert "No target of 'deepseek-v3' takes image" in told
    assert len(rows) == 3
    assert all(f"/console/requests/{row['id']}" in answer.text for row in rows if row["attempts"])


async def test_boxes_of_what_is_simulated_are_not_made_up(tmp_path: Path) -> None:
    async with house(tmp_path, **BARE) as lab:
        person = Person(lab)
        await person.look("/try")
        answer = await person.send("/try", model="qwen-vl", look="boxes", sample="yes")
        none = await person.send("/try", model="qwen-vl", look="boxes")
    assert "A simulated model sees nothing" in words(answer)
    assert "<rect x=" not in answer.text
    assert "Boxes need a picture" in words(none)


async def test_live_tells_what_ends_in_batches(tmp_path: Path) -> None:
    async with house(tmp_path) as lab, lab.client.stream("GET", "/console/live") as live:
        lines = live.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        ids = {(await lab.chat()).headers["x-portico-request-id"] for _ in range(5)}
        seen: set[str] = set()
        async for line in lines:
            if line.startswith("data: "):
                seen |= {row["id"] for row in json.loads(line[6:]).get("rows", ())}
            if seen == ids:
                break
    assert seen == ids


async def test_charts_tell_the_ledgers_numbers(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat()
        await lab.requests()
        found = (await Person(lab).look("/charts", span="15 min")).json()
    assert found["requests"]["names"] == ["deepseek-v3"]
    assert found["requests"]["total"] == "1"
    assert len(found["at"]) == 60


def ruin(file: Path) -> None:
    """Take away what the ledger is kept in."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE attempts")
        connection.commit()


async def test_a_ledger_that_is_away_is_said_and_hides_nothing_else(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat()
        await lab.requests()
        ruin(tmp_path / "home" / "ledger.db")
        now = await Person(lab).look()
        requests = await Person(lab).look("/requests")
    assert now.status_code == 200
    assert "The ledger's store is away" in words(now)
    assert "gemini-3-flash" in words(now)
    assert requests.status_code == 503
    assert "the ledger did not answer" in words(requests)


async def test_a_request_tells_what_was_said_and_can_be_pinned_and_copied(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat("SAY: all is well")
        [row] = await lab.requests()
        person = Person(lab)
        page = await person.look(f"/requests/{row['id']}")
        pinned = await person.send(f"/requests/{row['id']}/flag", act="pin")
        again = await person.look(f"/requests/{row['id']}")
        wrong = await person.send(f"/requests/{row['id']}/flag", act="burn")
    told = words(page)
    assert "SAY: all is well" in told
    assert "The answer all is well" in told
    assert "/v1/chat/completions -H" in told
    assert "qwen3-coder not needed" in told
    assert (pinned.status_code, wrong.status_code) == (303, 400)
    assert "Unpin" in words(again)


async def test_a_request_is_asked_again_of_somebody_else_and_marked_so(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        shown = [
            {"type": "text", "text": "SAY: seen"},
            {"type": "image_url", "image_url": {"url": PNG}},
        ]
        await lab.chat([{"role": "user", "content": shown}], model="design", stream=True)
        [row] = await lab.requests()
        where, person = f"/requests/{row['id']}", Person(lab)
        assert "Ask again" in words(await person.look(where))
        foreign = Person(lab, token="0" * 64, cookies=person.cookies)
        assert (await foreign.send(f"{where}/replay", model="qwen-vl")).status_code == 403
        assert len(await lab.requests()) == 1
        made = await person.send(f"{where}/replay", model="qwen-vl")
        assert made.status_code == 303
        again, _ = await lab.requests()
        assert made.headers["location"].endswith(again["id"])
        assert (again["target"], again["task"], again["outcome"]) == (
            "qwen-vl",
            "replay",
            "answered",
        )
        assert again["modalities"] == ["image", "text"]
        page = words(await person.look(f"/requests/{again['id']}"))
        assert f"Replay of {row['id']}" in page
        assert "The answer seen" in page
        lab.simulator.fault("siliconflow", "*", "overloaded", times=None)
        await person.send(f"{where}/replay", model="deepseek-v3")
        failed = (await lab.requests())[0]
        assert (failed["outcome"], failed["task"], failed["status"]) == ("refused", "replay", 422)
        unknown = await person.send(f"{where}/replay", model="nobody")
        assert unknown.status_code == 303
        assert (await lab.requests())[0]["status"] == 404
        assert (await person.send("/requests/req_nobody/replay")).status_code == 404
        listed = await person.look("/requests", chat=f"replay:{row['id']}")
        assert listed.text.count('href="/console/requests/req_') == 3


async def test_what_is_not_kept_whole_is_not_asked_again(tmp_path: Path) -> None:
    async with house(tmp_path, traces={"capture": "metadata-only"}) as lab:
        await lab.chat("hello")
        [row] = await lab.requests()
        person = Person(lab)
        page = words(await person.look(f"/requests/{row['id']}"))
        assert "It cannot be asked again as it was: something in it was masked" in page
        await person.look("/try")  # a page with a form
        assert (await person.send(f"/requests/{row['id']}/replay")).status_code == 400
        assert len(await lab.requests()) == 1


async def test_a_backup_is_made_from_the_console(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        await lab.chat("hello")
        person = Person(lab)
        await person.look("/settings")
        assert (await person.send("/settings/works/nothing")).status_code == 404
        begun = await person.send("/settings/works/backup")
        again = await person.send("/settings/works/backup")
        assert "has+begun" in begun.headers["location"]
        assert "under+way" in again.headers["location"]
        works = lab.serving.works
        await until(lambda: works.last["backup"].ended is not None)
        told = words(await person.look("/settings"))
        assert works.last["backup"].well, works.last["backup"].lines
        assert "went well" in told
        assert f"written to {tmp_path}/home/backups/" in told
        assert list((tmp_path / "home/backups").iterdir())


async def test_settings_tell_every_value_its_origin_and_no_secret(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        page = await person.look("/settings")
        told = words(page)
        broken = lab.config.read_text()
        lab.config.write_text(f"{broken}\nnonsense: true\n")
        refused = await person.send("/settings/reload")
        lab.config.write_text(broken)
        taken = await person.send("/settings/reload")
    assert "upstreams.google.api_key *** file" in told
    assert "test-key" not in page.text
    assert "server.drain 90.0 built in" in told
    assert refused.status_code == 422
    assert "nonsense" in words(refused)
    assert "The old one stays in force" in words(refused)
    assert taken.status_code == 303


@pytest.mark.parametrize(
    ("act", "chain"),
    [
        ("up.1", ["b", "a", "c"]),
        ("up.0", ["a", "b", "c"]),
        ("down.2", ["a", "b", "c"]),
        ("down.0", ["b", "a", "c"]),
        ("drop.1", ["a", "c"]),
        ("add", ["a", "b", "c", "d"]),
        ("try", ["a", "b", "c"]),
    ],
)
def test_a_chain_is_moved_as_its_buttons_say(act: str, chain: list[str]) -> None:
    assert moved(["a", "b", "c"], act, "d") == chain


async def test_a_key_is_made_shown_once_and_revoked(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        person = Person(lab)
        empty = words(await person.look("/people"))
        bad = await person.send("/people/keys", name="anna", lasts="soon", admin="yes")
        made = await person.send("/people/keys", name="anna", lasts="30d", admin="yes")
        text = re.search(r"pk-[A-Za-z0-9_-]{43}", made.text)
        assert text is not None
        ring = lab.serving.ring
        lab.serving.gate.know(await ring.roster())
        closed = await person.look("/people")
        await person.look("/login")
        await person.send("/login", key=text[0])
        page = await person.look("/people")
        other = await person.send("/people/keys", name="bert")
        [_, bert] = await ring.list()
        revoked = await person.send(f"/people/keys/{bert.id}/revoke")
        lab.serving.gate.know(await ring.roster())
        after = words(await person.look("/people"))
    assert "There is no key yet" in empty
    assert (bad.status_code, closed.status_code, revoked.status_code) == (400, 303, 303)
    assert text[0] not in page.text
    assert "anna operator" in words(page)
    assert "bert" in words(other)
    assert "bert key_" in after
    assert "key revoked" in after


async def test_a_key_that_is_no_operators_does_not_open_the_console(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        ring = lab.serving.ring
        await ring.issue("anna")
        issued = await ring.issue("bert")
        lab.serving.gate.know(await ring.roster())
        person = Person(lab)
        await person.look("/login")
        refused = await person.send("/login", key=issued.text)
    assert refused.status_code == 401
    assert "no operator's" in words(refused)


async def test_pictures_are_listed_drawn_anew_and_compared(tmp_path: Path) -> None:
    one, other = Image.new("RGB", (200, 120), "white"), Image.new("RGB", (200, 120), "white")
    other.paste("navy", (40, 30, 90, 60))
    async with house(tmp_path) as lab:
        person = Person(lab)
        empty = words(await person.look("/designs"))
        idents = []
        for name, image in (("one.png", one), ("<b>two<b>.png", other)):
            file = {"file": (name, _png_of(image), "image/png")}
            answer = await lab.client.post("/v1/artifacts", files=file)
            idents.append(answer.json()["id"])
        page = await person.look("/designs")
        small = await person.look(f"/designs/{idents[0]}/small")
        whole = await person.look(f"/designs/{idents[0]}/whole")
        diff = await person.look(f"/designs/diff?pick={idents[0]}&pick={idents[1]}")
        alone = await person.look(f"/designs/diff?pick={idents[0]}")
        nobody = await person.look("/designs/art_nobody/small")
        older = await person.look(f"/designs?before={idents[1]}")
    assert "No picture is kept yet" in empty
    assert "&lt;b&gt;two&lt;b&gt;.png" in page.text
    assert small.headers["content-type"] == "image/webp"
    assert "sandbox" in whole.headers["content-security-policy"]
    assert "1 change, measured by pixels" in words(diff)
    assert '<rect x="40" y="30" width="50" height="30">' in diff.text
    assert (alone.status_code, nobody.status_code) == (400, 404)
    assert older.text.count("<figure>") == 1


def _png_of(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


async def test_pictures_are_found_by_words_and_by_what_they_look_like(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        shown = [
            {"type": "text", "text": "SAY: the checkout of a <i>bakery</i>"},
            {"type": "image_url", "image_url": {"url": PNG}},
        ]
        await lab.chat([{"role": "user", "content": shown}], model="design")
        await lab.requests()
        person = Person(lab)

        async def found(sign: str = "its request", **given: str) -> str:
            for _ in range(500):  # it is remembered a moment later, its words after its looks
                page = await person.look("/designs", **given)
                if sign in page.text:
                    assert "<i>bakery" not in page.text
                    return page.text
                await asyncio.sleep(0.02)
            raise AssertionError(words(page))

        page = await found(">bakery<", text="bakery")
        assert ">bakery<" in page
        like = re.search(r"designs\?like=(art_\w+)", page)
        assert like is not None
        assert "the same picture" in await found(like=like[1])
        none = words(await person.look("/designs", text="zebra crossing"))
        assert "Nothing like that was found" in none
        assert (await person.look("/designs", like="art_nothing")).status_code == 404


async def test_egress_tells_what_was_found_around_the_gateway(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        open_ = f"127.0.0.1:{outside.getsockname()[1]}"
        around = {"closed": True, "outside": [open_], "counters": [str(tmp_path / "none")]}
        async with house(tmp_path, boundary=around) as lab:
            await until(lambda: lab.serving.guarded() is not None)
            told = words(await Person(lab).look("/egress"))
    assert "Around the gateway a leak is possible" in told
    assert f"closed {open_} can be reached directly" in told
    assert "there are no counters to read" in told


async def test_egress_tells_of_a_tunnel_that_is_down_and_what_stays_here(tmp_path: Path) -> None:
    tunnelled = {
        "egress": {"google": {"kind": "tunnel", "via": ["socks5h://127.0.0.1:9"]}},
        "upstreams": {"google": {"egress": "google"}, "siliconflow": {"api_key": ""}},
    }
    async with house(tmp_path, **tunnelled) as lab:
        await lab.chat(model="gemini-3-flash")
        told = words(await Person(lab).look("/egress"))
    async with house(tmp_path, **BARE) as lab:
        bare = words(await Person(lab).look("/egress"))
    assert "socks5h://127.0.0.1:9" in told
    assert "google by google" in told
    assert "siliconflow SIMULATED stays on this machine" in told
    assert "No tunnel is in use" in bare
