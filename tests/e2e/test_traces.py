"""Pictures in traces: by reference, what each model saw, and whether it can be played again."""

import json
import time
import zlib
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from portico.artifacts.sqlite import open_sqlite as open_index
from portico.traces.base import DAY
from portico.traces.sqlite import open_sqlite
from portico.wiring import keyring
from tests.api.test_traces import of
from tests.artifacts import odd
from tests.e2e.test_pictures import asking, picture, sent, uri
from tests.serving import PNG, House, house

pytestmark = pytest.mark.anyio

SCREEN, OTHER = odd.saved(odd.screen(300, 200), "PNG"), odd.saved(odd.screen(320, 240), "PNG")
TURNED = odd.saved(odd.screen(300, 200), "JPEG", exif=odd.exif(6))
PLACE = "messages[0].content[1].image_url.url"


async def asked(lab: House, messages: Any, **fields: Any) -> httpx.Response:
    answer = await lab.chat(messages, model="vision", **fields)
    assert answer.status_code == 200, answer.text
    return answer


def no_base64(told: dict[str, Any]) -> None:
    assert len(max(json.dumps(told).replace("/", " ").split(), key=len)) < 300
    assert "iVBOR" not in json.dumps(told)


@pytest.mark.parametrize("data", [SCREEN, TURNED], ids=["as it came", "made"])
@pytest.mark.parametrize("upstream", ["google", "siliconflow"])
async def test_a_picture_is_referred_to_and_what_the_model_saw_is_told(
    upstream: str, data: bytes, tmp_path: Path
) -> None:
    async with house(tmp_path) as lab:
        if upstream == "siliconflow":
            lab.simulator.fault("gemini", "*", "overloaded")
        told = await of(lab, await asked(lab, asking(data)))
        call = [call for call in lab.simulator.calls if call.work == "chat"][-1]
        uses = await lab.serving.archive.uses(told["card"]["id"])
        seen = await lab.serving.archive.view(uses[-1])

    story = told["story"]
    no_base64(told)
    assert (told["card"]["fidelity"], told["card"]["modalities"]) == ("complete", ["image", "text"])
    came, *shown = story["pictures"]
    assert came["artifact"] == uses[0].artifact
    assert came["place"] == PLACE
    assert abs(came["bytes"] - len(data)) < 3
    said = story["request"]["messages"][0]["content"]
    assert said[1]["image_url"] == {"url": f"artifact:{came['artifact']}"}
    assert [one["target"] for one in shown] == [one["target"] for one in story["attempts"]]
    last = shown[-1]
    assert last["place"] == PLACE
    assert last["recipe"] == (uses[-1].recipe or "as it came")
    assert last.get("bytes", len(data)) == len(seen)
    ref = last.get("ref", came["ref"])
    assert f'"{ref}"' in json.dumps(story["attempts"][-1]["request"]).replace("base64,", '"')
    assert sent(call.body)


async def test_a_request_of_a_trace_can_be_sent_again_and_the_model_gets_the_same(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as lab:
        told = await of(lab, await asked(lab, asking(SCREEN, OTHER)))
        first = [call for call in lab.simulator.calls if call.work == "chat"][-1].body
        again = await lab.client.post("/v1/chat/completions", json=told["story"]["request"])
        second = [call for call in lab.simulator.calls if call.work == "chat"][-1].body

    assert again.status_code == 200
    assert first == second


async def test_pictures_of_a_few_bytes_are_referred_to_too(tmp_path: Path) -> None:
    small = {"type": "image_url", "image_url": {"url": PNG}}
    async with house(tmp_path) as lab:
        told = await of(lab, await asked(lab, [{"role": "user", "content": [small]}]))

    assert told["card"]["fidelity"] == "complete"
    no_base64(told)
    [said] = told["story"]["request"]["messages"][0]["content"]
    assert said["image_url"]["url"].startswith("artifact:art_")


async def test_a_picture_that_is_not_kept_is_told_by_its_size_and_type(tmp_path: Path) -> None:
    async with house(tmp_path, pictures={"keep": False}) as lab:
        told = await of(lab, await asked(lab, asking(SCREEN)))

    no_base64(told)
    assert told["card"]["fidelity"] == "blob-missing"
    came = told["story"]["pictures"][0]
    assert ("artifact" not in came, came["type"]) == (True, "image/png")
    said = told["story"]["request"]["messages"][0]["content"][1]
    assert said["image_url"] == {"url": f"data:image/png;base64,{came['ref']}"}


async def test_a_picture_that_has_gone_since_is_said_to_be_missing(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        answer = await asked(lab, asking(SCREEN))
        told = await of(lab, answer)
        ident = told["story"]["pictures"][0]["artifact"]
        assert (await lab.client.delete(f"/v1/artifacts/{ident}")).status_code == 204
        gone = await of(lab, answer)

    assert (told["card"]["fidelity"], gone["card"]["fidelity"]) == ("complete", "blob-missing")


async def test_a_picture_of_a_front_ends_user_is_not_missed(tmp_path: Path) -> None:
    keys = keyring(tmp_path / "home")
    operator, front = await keys.issue("operator"), await keys.issue("webui", trusted=True)
    async with house(tmp_path, access={"required": True}) as lab:
        theirs = {
            "authorization": f"Bearer {front.text}",
            "x-openwebui-user-email": "ada@lab.test",
        }
        lab.client.headers.update(theirs)
        answer = await asked(lab, asking(SCREEN))
        lab.client.headers["authorization"] = f"Bearer {operator.text}"
        told = await of(lab, answer)

    assert told["card"]["person"] == "ada@lab.test"
    assert told["card"]["fidelity"] == "complete"


async def test_no_media_keeps_the_words_and_nothing_of_the_picture(tmp_path: Path) -> None:
    async with house(tmp_path, traces={"capture": "no-media"}) as lab:
        told = await of(lab, await asked(lab, asking(SCREEN)))
        await lab.serving.archive.flush()
        assert await lab.serving.archive.uses(told["card"]["id"]) == []

    no_base64(told)
    assert (told["card"]["capture"], told["card"]["fidelity"]) == ("no-media", "redacted")
    story = told["story"]
    assert story["request"]["messages"][0]["content"][0]["text"] == "What is this?"
    for one in story["pictures"]:
        assert not one.keys() & {"artifact", "sha256", "pixels"}


async def test_sounds_and_files_are_told_by_their_size(tmp_path: Path) -> None:
    held = "UklGR" + "QUJD" * 300
    parts = [
        {"type": "input_audio", "input_audio": {"data": held, "format": "wav"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{held}"}},
        picture(SCREEN),
    ]
    async with house(tmp_path) as lab:
        answer = await lab.chat([{"role": "user", "content": parts}], model="gemini-3-flash")
        told = await of(lab, answer)

    said = json.dumps(told)
    assert "QUJDQUJD" not in said
    assert "data:application/pdf;base64,[903 bytes]" in said
    assert told["card"]["fidelity"] == "blob-missing"


async def test_a_linked_picture_stays_a_link_in_what_came(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        first = await asked(lab, asking(SCREEN))
        ident = (await of(lab, first))["story"]["pictures"][0]["artifact"]
        by_id = {"type": "image_url", "image_url": {"url": f"artifact:{ident}"}}
        told = await of(lab, await asked(lab, [{"role": "user", "content": [by_id]}]))

    assert told["card"]["fidelity"] == "complete"
    [said] = told["story"]["request"]["messages"][0]["content"]
    assert said == by_id
    assert uri(SCREEN)[30:60] not in json.dumps(told)


async def test_a_pin_keeps_the_pictures_too_until_it_is_taken_back(tmp_path: Path) -> None:
    async with house(tmp_path, pictures={"keep_days": 1}) as lab:
        pinned, other = await asked(lab, asking(SCREEN)), await asked(lab, asking(TURNED))
        kept, lost = [ident_of(await of(lab, one)) for one in (pinned, other)]
        request = pinned.headers["x-portico-request-id"]
        assert (await lab.client.post(f"/api/requests/{request}/pin")).status_code == 200
        before = time.time() + DAY
        await expire(tmp_path, before)
        assert (await lab.client.get(f"/v1/artifacts/{kept}")).status_code == 200
        assert (await lab.client.get(f"/v1/artifacts/{lost}")).status_code == 404
        assert (await of(lab, pinned))["card"]["fidelity"] == "complete"
        uses = await lab.serving.archive.uses(request)
        assert await lab.serving.archive.view(uses[0])
        assert (await lab.client.delete(f"/api/requests/{request}/pin")).status_code == 200
        await expire(tmp_path, before)
        assert (await lab.client.get(f"/v1/artifacts/{kept}")).status_code == 404


async def expire(folder: Path, before: float) -> None:
    """Do what a sweep does to the index some time from now."""
    async with open_index(folder / "home" / "artifacts.db") as index:
        await index.expire(before)


def ident_of(told: dict[str, Any]) -> str:
    ident: str = told["story"]["pictures"][0]["artifact"]
    return ident


async def test_what_is_too_long_for_a_document_lies_apart_and_is_read_whole(
    tmp_path: Path,
) -> None:
    secret = "sk-" + "a1b2c3d4e5f6" * 3
    long = " ".join(f"word{number}" for number in range(110_000)) + f" {secret}"
    async with house(tmp_path) as lab:
        answer = await lab.chat(long, model="gemini-3-flash")
        await lab.serving.traces.recorder.flush()
        told = await of(lab, answer)
        async with open_sqlite(tmp_path / "home" / "traces.db") as database:
            kept = await database.find(told["card"]["id"])
    assert kept is not None
    assert len(bytes(kept.story)) < 1_000_000 < len(json.dumps(told["story"]))
    assert msgspec.json.decode(kept.story)["overflow"]["bytes"] == kept.card.size
    assert told["story"]["request"]["messages"][0]["content"].startswith(long[:1_000_000])
    assert told["card"]["fidelity"] == "redacted"
    (apart,) = (tmp_path / "home" / "artifacts" / "told").rglob("*.z")
    assert secret.encode() not in zlib.decompress(apart.read_bytes())
