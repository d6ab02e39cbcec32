"""Answers given again, over real sockets: what is a hit, what is none, and what is told of it."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from portico.dispatch.errands import Errands
from portico.dispatch.likely import Likely
from portico.memory.base import Space
from portico.memory.gate import Report
from portico.settings import Settings, load_settings
from portico.wiring import keyring
from portico.wiring.rebuilding import measure_gate
from portico.wiring.similar import keep_report, likely_of, similar_trouble
from tests.memory.pairs import must_miss, restatements
from tests.memory.screens import screen
from tests.serving import House, house

pytestmark = pytest.mark.anyio

ON = {"x-portico-cache": "on"}
EMBEDDER = {
    "upstream": "siliconflow",
    "model": "BAAI/bge-m3",
    "kind": "embedding",
    "dimensions": 256,
}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


def uri(kind: str, png: bytes) -> str:
    image, out = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    image.save(out, kind, lossless=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


async def ask(here: House, text: Any = "SAY: hello", **headers: str) -> httpx.Response:
    body = {"model": "code", "messages": [{"role": "user", "content": text}]}
    told = ON | {name.replace("_", "-"): value for name, value in headers.items()}
    return await here.client.post("/v1/chat/completions", json=body, headers=told)


def asked(here: House) -> int:
    return sum(call.work == "chat" for call in here.simulator.calls)


def state(answer: httpx.Response) -> str | None:
    assert answer.status_code == 200, answer.text
    return answer.headers.get("x-portico-cache")


async def test_the_same_chat_is_answered_again_and_says_so(here: House) -> None:
    first, second = await ask(here), await ask(here)
    assert (state(first), state(second)) == ("miss", "hit")
    assert first.content == second.content
    assert asked(here) == 1
    assert "age" in second.headers
    assert second.headers["x-portico-target"] == first.headers["x-portico-target"]
    assert second.headers["x-portico-cached-from"] == first.headers["x-portico-request-id"]
    assert second.headers["x-portico-request-id"] != first.headers["x-portico-request-id"]
    rows = await here.requests()
    assert [(row["decided_by"], len(row["attempts"]), row["outcome"]) for row in rows] == [
        ("the cache", 0, "answered"),
        ("asked for by name", 1, "answered"),
    ]
    assert rows[0]["id"] == second.headers["x-portico-request-id"]


async def test_a_chat_that_does_not_ask_for_it_is_asked_anew(here: House) -> None:
    for _ in range(2):
        assert state(await here.chat("SAY: hello")) is None
    assert asked(here) == 2


async def test_a_stream_never_comes_from_the_cache(here: House) -> None:
    await ask(here)
    body = {
        "model": "code",
        "stream": True,
        "messages": [{"role": "user", "content": "SAY: hello"}],
    }
    answer = await here.client.post("/v1/chat/completions", json=body, headers=ON)
    assert state(answer) == "bypass"
    assert answer.text.rstrip().endswith("[DONE]")
    assert asked(here) == 2


async def test_callers_say_how_old_it_may_be(here: House) -> None:
    await ask(here)
    assert state(await ask(here, cache_control="no-store")) == "bypass"
    assert state(await ask(here, cache_control="max-age=0")) == "miss"
    assert state(await ask(here, cache_control="max-age=60")) == "hit"
    assert state(await ask(here, cache_control="no-cache")) == "miss"
    assert state(await ask(here)) == "hit"
    wrong = await ask(here, x_portico_cache="maybe")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "x-portico-cache")


async def test_equal_chats_at_once_are_asked_once(here: House) -> None:
    here.simulator.fault("*", "*", "slow_first", seconds=0.5)
    answers = await asyncio.gather(*(ask(here) for _ in range(8)))
    assert sorted(str(state(answer)) for answer in answers) == ["hit"] * 7 + ["miss"]
    assert asked(here) == 1
    assert len(await here.requests()) == 8


async def test_what_is_not_whole_is_given_and_not_kept(here: House) -> None:
    body = {
        "model": "code",
        "max_tokens": 2,
        "messages": [{"role": "user", "content": "SAY: one two three four five six"}],
    }
    for _ in range(2):
        answer = await here.client.post("/v1/chat/completions", json=body, headers=ON)
        assert answer.json()["choices"][0]["finish_reason"] == "length"
        assert state(answer) == "bypass"
    assert asked(here) == 2


async def test_a_failure_is_not_kept(here: House) -> None:
    for target in ("deepseek-ai/DeepSeek-V3", "Qwen/Qwen3-Coder-480B-A35B-Instruct"):
        here.simulator.fault("siliconflow", target, "bad_request")
    assert (await ask(here)).status_code == 400
    here.simulator.faults.clear()
    assert state(await ask(here)) == "miss"


async def test_the_same_pixels_in_another_file_are_the_same_picture(here: House) -> None:
    def parts(link: str) -> list[dict[str, Any]]:
        text = {"type": "text", "text": "SAY: seen"}
        return [text, {"type": "image_url", "image_url": {"url": link}}]

    shown = screen(1).png
    assert state(await ask(here, parts(uri("PNG", shown)))) == "miss"
    assert state(await ask(here, parts(uri("WEBP", shown)))) == "hit"
    assert state(await ask(here, parts(uri("PNG", screen(2).png)))) == "miss"
    assert asked(here) == 2


async def test_an_analysis_is_given_again_for_the_same_pixels(here: House) -> None:
    async def elements(link: str, **fields: Any) -> httpx.Response:
        return await here.client.post("/v1/design/elements", json={"image": link, **fields})

    shown = screen(1).png
    first, second = await elements(uri("PNG", shown)), await elements(uri("WEBP", shown))
    assert (state(first), state(second)) == ("miss", "hit")
    assert first.json()["elements"] == second.json()["elements"]
    assert first.json()["image"]["sha256"] != second.json()["image"]["sha256"]
    assert second.headers["x-portico-target"] == first.headers["x-portico-target"]
    assert second.headers["x-portico-request-id"] != first.headers["x-portico-request-id"]
    assert asked(here) == 1
    assert state(await elements(uri("PNG", shown), detail="low")) == "miss"
    off = await here.client.post(
        "/v1/design/elements",
        json={"image": uri("PNG", shown)},
        headers={"x-portico-cache": "off"},
    )
    assert state(off) == "bypass"


async def test_nobody_is_given_what_was_said_to_somebody_else(tmp_path: Path) -> None:
    ring = keyring(tmp_path / "home")
    kim, lee = await ring.issue("kim", None), await ring.issue("lee", None)
    async with house(tmp_path) as here:
        states = [
            state(await ask(here, authorization=f"Bearer {who.text}")) for who in (kim, lee, kim)
        ]
    assert states == ["miss", "miss", "hit"]


async def test_answers_can_be_purged(here: House) -> None:
    first = await ask(here)
    await ask(here, "SAY: other")
    ident = first.headers["x-portico-request-id"]
    purged = await here.client.post(f"/api/cache/purge?request={ident}")
    assert purged.json() == {"purged": 1}
    assert state(await ask(here)) == "miss"
    assert (await here.client.post("/api/cache/purge")).json() == {"purged": 2}
    assert state(await ask(here, "SAY: other")) == "miss"


async def test_what_would_have_been_given_again_is_logged_and_not_given(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    changes = {"cache": {"similar": "observe"}, "targets": {"bge-m3": EMBEDDER}}
    async with house(tmp_path, **changes) as here:
        first = await ask(here, "Show the header of the page, with a shadow")
        await until_seen(here, 1)
        again = await ask(here, "Please show the header of the page, with a shadow!")
        await until_seen(here, 2)
        other = await ask(here, "Show the header of the page with a shadow 2")
        await until_seen(here, 3)
        assert [state(one) for one in (first, again, other)] == ["miss"] * 3
        assert asked(here) == 3
        watching = here.serving.cache.likely
        assert isinstance(watching, Likely)
        watching_ids = [one.headers["x-portico-request-id"] for one in (first, again)]
    told = [
        record.getMessage() for record in caplog.records if "answered as" in record.getMessage()
    ]
    assert told[0].startswith(
        f"{watching_ids[1]} would have been answered as {watching_ids[0]} was"
    )
    assert all("would not have" in line for line in told[1:])
    assert watching.passed == 1


async def until_seen(here: House, count: int) -> None:
    watching = here.serving.cache.likely
    assert isinstance(watching, Likely)
    for _ in range(200):
        if watching.seen >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was observed")


async def test_a_report_says_whether_the_gate_holds(tmp_path: Path) -> None:
    async with house(tmp_path, targets={"bge-m3": EMBEDDER}) as here:
        load = lambda: load_settings(here.config, {"PORTICO_HOME": str(tmp_path / "home")})  # noqa: E731
        pairs = [*must_miss(220), *restatements(30)]
        told = await measure_gate(load, tmp_path / "home", pairs, 0.6)
        assert (told.different, told.false_hits) == (220, 0)
        assert told.bound > 0.01, "220 pairs without a false hit prove no more than 1.4 %"
        assert not told.good
        enough = await measure_gate(load, tmp_path / "home", must_miss(400), 0.6)
        assert enough.good


def report(home: Path, **changes: Any) -> None:
    """Leave a report as `portico memory report` does; 300 pairs bound no hit by 1 %."""
    told: dict[str, Any] = {"space": "baai/bge-m3", "dimensions": 256, "cosine": 0.9}
    counts = {"different": 300, "false_hits": 0, "same": 50, "served": 20, "bound": 0.0099}
    keep_report(home, Report(**{**told, **counts, **changes}))


ASKED = "Show the header of the page, with a shadow"
AGAIN = "Please show the header of the page, with a shadow!"
SIMILAR = {"cache": {"similar": "on"}, "targets": {"bge-m3": EMBEDDER}}


async def test_with_a_good_report_other_words_get_the_answer_again_and_say_so(
    tmp_path: Path,
) -> None:
    report(tmp_path / "home")
    async with house(tmp_path, **SIMILAR) as here:
        first = await ask(here, ASKED)
        await until_seen(here, 1)
        again = await ask(here, AGAIN)
        assert [state(one) for one in (first, again)] == ["miss", "similar"]
        assert again.headers["x-portico-cached-from"] == first.headers["x-portico-request-id"]
        assert again.headers["x-portico-request-id"] != first.headers["x-portico-request-id"]
        assert int(again.headers["age"]) >= 0
        assert again.json()["choices"] == first.json()["choices"]
        assert state(await ask(here, "Show the header of the page, with a shadow 2")) == "miss"
        assert state(await ask(here, "Show no header of the page, with a shadow")) == "miss"
        assert asked(here) == 3
        assert state(await ask(here, AGAIN, cache_control="no-store")) == "bypass"
        row = next(one for one in await here.requests() if not one["attempts"])
        assert row["decided_by"] == "the cache"
        origin = first.headers["x-portico-request-id"]
        await here.client.post(f"/api/cache/purge?request={origin}")
        assert state(await ask(here, "please show the header of the page, with a shadow")) == "miss"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (None, "there is no report"),
        ({"gate": "another"}, "another version of the gate"),
        ({"space": "another model"}, "another embedding model"),
        ({"dimensions": 512}, "another embedding model"),
        ({"bound": 0.02, "false_hits": 2}, "proves too little: 2 false hits in 300 pairs"),
        ({"different": 100}, "proves too little"),
    ],
)
def test_without_a_report_that_holds_today_it_is_not_switched_on(
    changes: dict[str, Any] | None, why: str, tmp_path: Path
) -> None:
    if changes is not None:
        report(tmp_path, **changes)
    given = similar_settings(tmp_path)
    trouble = similar_trouble(given, tmp_path)
    assert trouble is not None
    assert why in str(trouble)
    assert "portico memory report" in str(trouble)
    space = Space(256, "baai/bge-m3")
    meaning: Any = SimpleNamespace(space=space)
    watching = likely_of(given, tmp_path, meaning, Errands())
    assert isinstance(watching, Likely)
    assert not watching.serving
    report(tmp_path)
    assert similar_trouble(given, tmp_path) is None
    serving = likely_of(given, tmp_path, meaning, Errands())
    assert serving is not None
    assert serving.serving


def similar_settings(home: Path) -> Settings:
    file = home / "portico.yaml"
    targets = {"targets": {"bge-m3": EMBEDDER}, "extends": "builtin"}
    file.write_text(yaml.safe_dump({**targets, "cache": {"similar": "on"}}))
    return load_settings(file, {"SILICONFLOW_API_KEY": "x", "PORTICO_HOME": str(home)})
