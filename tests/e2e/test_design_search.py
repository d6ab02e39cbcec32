"""POST /v1/design/search over real sockets: what is found, why, and by whom."""

import asyncio
import base64
import io
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from portico.access.base import Caller
from portico.artifacts.index import Artifact
from portico.dispatch.records import Record, encode
from portico.settings import load_settings
from portico.wiring import keyring
from portico.wiring.rebuilding import rebuild_memory
from tests.memory.rest import serve_qdrant
from tests.memory.screens import Screen, altered, screen
from tests.serving import House, house

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

EMBEDDER = {
    "upstream": "siliconflow",
    "model": "BAAI/bge-m3",
    "kind": "embedding",
    "dimensions": 256,
}
WITH = {"targets": {"bge-m3": EMBEDDER}}
WITHOUT = {
    "targets": {"bge-m3": EMBEDDER},
    "upstreams": {"siliconflow": {"api_key": ""}, "google": {"api_key": ""}},
}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, **WITH) as opened:
        yield opened


def uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


async def search(here: House, key: str = "", **asked: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return await here.client.post("/v1/design/search", json=asked, headers=headers)


async def hits(here: House, key: str = "", **asked: Any) -> list[dict[str, Any]]:
    answer = await search(here, key, **asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found


async def until(is_so: Callable[[], Any]) -> Any:
    """Wait for work that nobody waits for."""
    for _ in range(300):
        if found := await is_so():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")


async def remember(here: House, shown: Screen, owner: str | None = None) -> Artifact:
    """Keep a screen and what a model said of it, as a chat's errand does."""
    (artifact,) = await remember_all(here, [shown], owner)
    return artifact


async def remember_all(
    here: House, shown: list[Screen], owner: str | None = None
) -> list[Artifact]:
    kept, records = [], []
    for at, one in enumerate(shown):
        artifact = await here.serving.archive.add(one.png, owner)
        kept.append(artifact)
        records.append(
            Record(
                artifact=artifact.id,
                request=f"req_{at}",
                at=1000.0 + at,
                owner=owner,
                chat=f"chat-{at}",
                target="qwen-vl",
                said=one.said,
            )
        )
    remembering = here.serving.recalling.remembering
    for one in records:
        await remembering._keep.blobs.put(one.key, encode(one))
    for at in range(0, len(records), 32):
        await remembering.index(records[at : at + 32], Caller(owner=owner))
    return kept


async def test_a_chat_s_picture_is_found_by_what_was_asked_and_how_it_looks(here: House) -> None:
    shown = screen(7)
    parts = [
        {"type": "text", "text": "SAY: The violet onboarding carousel overlaps its stepper."},
        {"type": "image_url", "image_url": {"url": uri(shown.png)}},
    ]
    answer = await here.chat(parts, model="vision")
    assert answer.status_code == 200

    async def worded() -> list[dict[str, Any]]:
        """Its words and its meaning are looked for one after the other: it comes in between."""
        found = await hits(here, text="violet carousel")
        return [one for one in found if one["reason"]["words"]]

    (hit,) = await until(worded)
    assert hit["reason"]["words"] == ["violet", "carousel"]
    assert hit["reason"]["meaning"] > 0.1
    assert hit["request_id"] == answer.headers["x-portico-request-id"]
    assert hit["target"] == answer.headers["x-portico-target"]
    assert "overlaps" in hit["asked"]
    picture = await here.client.get(hit["thumbnail"])
    assert picture.status_code == 200
    (again,) = await hits(here, image=uri(altered(shown.png, 7)))
    assert again["artifact"] == hit["artifact"]
    assert again["reason"]["likeness"] > 0.8
    assert again["reason"]["words"] == []


async def test_five_hundred_screens_are_found_by_text_by_picture_and_by_both(here: House) -> None:
    screens = [screen(number) for number in range(500)]
    kept = await remember_all(here, screens)
    names = {artifact.id: at for at, artifact in enumerate(kept)}
    source = random.Random(1)
    queries = source.sample(range(500), 50)
    recalls: dict[str, list[float]] = {}
    for number in queries:
        words = list(screens[number].words)
        source.shuffle(words)
        few = words[:2]
        image = uri(altered(screens[number].png, number))
        asked = {
            "text": {"text": " ".join([*words[:3], f"{words[3]}s"])},
            "image": {"image": image},
            "both": {"text": " ".join(few), "image": image},
        }
        for kind, question in asked.items():
            found = await hits(here, **question)
            assert all(any(hit["reason"]["places"].values()) for hit in found)
            wanted = {number}
            if kind == "text":
                wanted = {n for n, one in enumerate(screens) if set(words) == set(one.words)}
            there = {names[hit["artifact"]] for hit in found}
            recalls.setdefault(kind, []).append(len(wanted & there) / len(wanted))
            for by in ("words", "meaning", "likeness"):
                first = {names[h["artifact"]] for h in found if h["reason"]["places"].get(by)}
                if kind != "image" or by == "likeness":
                    recalls.setdefault(f"{kind} by {by}", []).append(
                        len(wanted & first) / len(wanted)
                    )
    told = {kind: sum(found) / len(found) for kind, found in recalls.items()}
    assert told["text"] >= 0.9, told
    assert told["image"] >= 0.9, told
    assert told["both"] >= 0.9, told


async def test_what_somebody_else_s_key_may_not_see_is_never_shown(tmp_path: Path) -> None:
    ring = keyring(tmp_path / "home")
    kim, lee = await ring.issue("kim", None), await ring.issue("lee", None)
    async with house(tmp_path, **WITH) as here:
        artifact = await remember(here, screen(3), kim.key.id)
        word = screen(3).words[3]
        assert len(await hits(here, kim.text, text=word)) == 1
        assert await hits(here, lee.text, text=word) == []
        assert await hits(here, lee.text, image=uri(screen(3).png)) == []
        grant = f"/v1/artifacts/{artifact.id}/grants/{lee.key.id}"
        mine = {"authorization": f"Bearer {kim.text}"}
        assert (await here.client.put(grant, headers=mine)).status_code == 204
        assert len(await hits(here, lee.text, text=word)) == 1
        theirs = {"authorization": f"Bearer {lee.text}"}
        gone = await here.client.delete(f"/v1/artifacts/{artifact.id}", headers=theirs)
        assert gone.status_code == 204
        assert await hits(here, lee.text, text=word) == []
        assert len(await hits(here, kim.text, text=word)) == 1
        assert (await search(here, text=word)).status_code == 401


async def test_what_nothing_is_like_finds_nothing(here: House) -> None:
    await remember(here, screen(3))
    plain = base64.b64encode(flat()).decode()
    assert await hits(here, image=f"data:image/png;base64,{plain}") == []
    assert await hits(here, text="qqqq wwww") == []


async def test_a_deleted_artifact_takes_its_vectors_and_records_with_it(here: House) -> None:
    artifact, other = await remember_all(here, [screen(3), screen(4)])
    gone = await here.client.delete(f"/v1/artifacts/{artifact.id}")
    assert gone.status_code == 204
    remembering = here.serving.recalling.remembering
    assert await remembering.memory.count() == 1
    assert await remembering.record(artifact.id, "req_0") is None
    assert await remembering.record(other.id, "req_1") is not None


async def test_what_went_without_a_word_is_not_shown(here: House) -> None:
    artifact = await remember(here, screen(3))
    await here.serving.archive.delete(artifact.id, None)  # as a sweep does
    assert await here.serving.recalling.remembering.memory.count() == 1
    assert await hits(here, text=screen(3).words[3]) == []


async def test_without_an_embedding_target_only_words_are_compared_and_it_says_so(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, **WITHOUT) as here:
        await remember(here, screen(3))
        answer = await search(here, text=screen(3).words[3])
        assert answer.headers["x-portico-degraded"] == "words-only"
        told = answer.json()
        assert told["by"] == ["words"]
        assert [one["code"] for one in told["warnings"]] == ["words_only"]
        assert len(told["hits"]) == 1
        assert await hits(here, text="zzz nothing of it") == []


async def test_an_embedder_that_fails_leaves_words_and_says_so(here: House) -> None:
    await remember(here, screen(3))
    here.simulator.fault("siliconflow", "*", "overloaded", times=None, where="embeddings")
    answer = await search(here, text=screen(3).words[3])
    assert answer.status_code == 200
    assert answer.headers["x-portico-degraded"] == "words-only"
    assert len(answer.json()["hits"]) == 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "text"),
        ({"text": "  "}, "text"),
        ({"text": 3}, "text"),
        ({"text": "x", "limit": 0}, "limit"),
        ({"text": "x", "more": 1}, "more"),
        ({"image": "data:image/png;base64,AAAA"}, "image"),
    ],
)
async def test_what_cannot_be_looked_for_names_its_field(
    here: House, asked: dict[str, Any], param: str
) -> None:
    answer = await search(here, **asked)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_memory_that_is_away_is_an_error_and_no_chat_notices(tmp_path: Path) -> None:
    stores = {"memory": "http://127.0.0.1:1"}
    async with house(tmp_path, stores=stores, **WITH) as here:
        answer = await search(here, text="violet")
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "store_unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        for _ in range(6):
            assert (await search(here, text="violet")).status_code == 503
        parts = [{"type": "image_url", "image_url": {"url": uri(screen(1).png)}}]
        assert (await here.chat(parts, model="vision")).status_code == 200
        ready = (await here.client.get("/readyz")).json()
        assert ready["status"] == "degraded"
        assert ready["stores"]["memory"] == "away"


async def test_a_memory_in_qdrant_is_searched_the_same_way(tmp_path: Path) -> None:
    async with serve_qdrant() as url, house(tmp_path, stores={"memory": url}, **WITH) as here:
        await remember_all(here, [screen(number) for number in range(20)])
        found = await hits(here, text=screen(3).words[3], image=uri(altered(screen(3).png, 3)))
        assert found[0]["reason"]["likeness"] > 0.8
        assert found[0]["reason"]["words"] == [screen(3).words[3]]


async def test_it_is_all_made_anew_of_records_and_artifacts(tmp_path: Path) -> None:
    async with house(tmp_path, **WITH) as here:
        kept = await remember_all(here, [screen(number) for number in range(5)])
        before = await hits(here, text=screen(3).words[3])
        before = [hit for hit in before if hit["artifact"] != kept[0].id]
        await here.serving.archive.delete(kept[0].id, None)
        file = here.config
        empty(tmp_path / "home" / "memory")
        load = lambda: load_settings(file, {"PORTICO_HOME": str(tmp_path / "home")})  # noqa: E731
        told = await rebuild_memory(load, tmp_path / "home")
        assert (told.points, told.gone, told.unread) == (4, 1, 0)
    async with house(tmp_path, **WITH) as again:
        after = await hits(again, text=screen(3).words[3])
        assert [hit["artifact"] for hit in after] == [hit["artifact"] for hit in before]
        for key in ("words", "meaning"):
            assert after[0]["reason"][key] == before[0]["reason"][key]


async def test_another_embedding_model_asks_for_a_rebuild(tmp_path: Path) -> None:
    async with house(tmp_path, **WITH) as here:
        await remember(here, screen(3))
    other = {"targets": {"bge-m3": EMBEDDER | {"model": "other/model"}}}
    async with house(tmp_path, **other) as here:
        answer = await search(here, text=screen(3).words[3])
        assert answer.status_code == 503
        assert "portico memory rebuild" in answer.json()["error"]["message"]


def flat() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), (1, 254, 3)).save(out, "PNG")
    return out.getvalue()


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
