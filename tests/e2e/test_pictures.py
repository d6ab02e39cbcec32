"""Whatever was dropped into a chat reaches the model upright, readable and in a form it takes."""

import base64
import hashlib
import io
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from portico.artifacts import colour
from portico.errors import ConfigError
from portico.settings import load_settings
from portico.wiring import open_serving
from tests.artifacts import odd
from tests.serving import House, album, house

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

NOWHERE = (
    "s3://nowhere?endpoint=http://127.0.0.1:9&region=x&access_key_id=abcd&secret_access_key=efgh"
)
FLAVOURS = ["google", "siliconflow"]
SCREEN = odd.screen(300, 200)


def uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(data: bytes, kind: str = "image/png") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": uri(data, kind)}}


def asking(*data: bytes, kind: str = "image/png") -> list[dict[str, Any]]:
    pictures = [picture(one, kind) for one in data]
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *pictures]}]


async def asked(lab: House, upstream: str, messages: Any, **fields: Any) -> list[tuple[str, Any]]:
    """Let *upstream* answer, and return what it was sent: texts and pictures in their order."""
    if upstream == "siliconflow":
        lab.simulator.fault("gemini", "*", "overloaded")
    answer = await lab.chat(messages, model="vision", **fields)
    assert answer.status_code == 200, answer.text
    assert lab.simulator.blind == []
    return sent([call for call in lab.simulator.calls if call.work == "chat"][-1].body)


def sent(body: Any) -> list[tuple[str, Any]]:
    turns = body["contents"] if "contents" in body else body["messages"]
    parts = [part for turn in turns for part in turn.get("parts") or turn["content"]]
    return [_told(part) for part in parts if isinstance(part, dict)]


def _told(part: dict[str, Any]) -> tuple[str, Any]:
    if "text" in part:
        return "text", part["text"]
    held = part.get("inline_data")
    if held:
        return held["mime_type"], base64.b64decode(held["data"], validate=True)
    head, _, data = part["image_url"]["url"].partition(",")
    return head[5:].removesuffix(";base64"), base64.b64decode(data, validate=True)


def opened(told: tuple[str, Any]) -> Image.Image:
    image = Image.open(io.BytesIO(told[1]))
    assert told[0] == f"image/{(image.format or '').lower()}"
    return image


def far(one: Image.Image, other: Image.Image) -> float:
    """How far they differ, but for what pads a picture to the multiples that some models want."""
    assert 0 <= one.width - other.width < 32
    assert 0 <= one.height - other.height < 32
    one = one.crop((0, 0, *other.size))
    pair = [np.asarray(each.convert("RGB"), dtype=float) for each in (one, other)]
    return float(np.abs(pair[0] - pair[1]).mean())


@pytest.mark.parametrize("upstream", FLAVOURS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_screenshot_that_is_fine_arrives_as_it_came(
    upstream: str, stream: bool, tmp_path: Path
) -> None:
    data = odd.saved(odd.page(640, 320), "PNG")
    async with house(tmp_path) as lab:
        told = await asked(lab, upstream, asking(data), stream=stream)
    assert sorted(told) == [("image/png", data), ("text", "What is this?")]


async def test_what_went_as_it_came_is_kept_with_its_size_and_its_pixels(tmp_path: Path) -> None:
    shown = odd.page(640, 320)
    data = odd.saved(shown, "PNG")
    async with house(tmp_path) as lab:
        await asked(lab, FLAVOURS[0], asking(data))
        archive = lab.serving.archive
        await archive.flush()
        kept = await archive.carried(None, hashlib.sha256(data).hexdigest())
    assert kept is not None
    assert (kept.width, kept.height) == (640, 320)
    assert kept.pixels == colour.fingerprint(shown)


@pytest.mark.parametrize("upstream", FLAVOURS)
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photograph_arrives_upright_and_says_nothing_of_where_it_was_taken(
    upstream: str, orientation: int, tmp_path: Path
) -> None:
    stored = odd.turned(SCREEN, orientation)
    data = odd.saved(stored, "JPEG", quality=95, exif=odd.exif(orientation))
    assert odd.CANARY in data
    async with house(tmp_path) as lab:
        told = await asked(lab, upstream, asking(data, kind="image/jpeg"))
    (shown,) = (one for one in told if one[0] != "text")
    assert odd.CANARY not in shown[1]
    assert not opened(shown).getexif()
    assert far(opened(shown), SCREEN) < 3


@pytest.mark.parametrize("upstream", FLAVOURS)
@pytest.mark.parametrize("name", odd.every())
async def test_every_kind_arrives_as_one_that_the_model_takes(
    upstream: str, name: str, tmp_path: Path
) -> None:
    """Its claimed type is not believed: each comes as a PNG, so to speak."""
    async with house(tmp_path) as lab:
        told = await asked(lab, upstream, asking(odd.every()[name]))
    pictures = [one for one in told if one[0] != "text"]
    assert pictures
    assert all(opened(one).format in ("PNG", "JPEG") for one in pictures)


async def test_an_animation_arrives_as_a_contact_sheet_and_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        shown, _, note = await asked(lab, "google", asking(odd.film(20, "GIF")))
    assert "frames" in note[1]
    assert opened(shown).height > 3 * 20


async def test_pages_arrive_with_what_is_written_on_them(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        told = await asked(lab, "google", asking(odd.pdf("Invoice 17", "Total 99")))
    texts = " ".join(said for kind, said in told if kind == "text")
    assert sum(kind == "image/png" for kind, _ in told) == 2
    assert "Invoice 17" in texts
    assert "Total 99" in texts


async def test_a_page_too_tall_to_read_arrives_as_an_overview_and_tiles(tmp_path: Path) -> None:
    data = odd.saved(odd.page(600, 9000), "PNG")
    async with house(tmp_path) as lab:
        told = await asked(lab, "google", asking(data))
    pictures = [opened(one) for one in told if one[0] != "text"]
    assert len(pictures) > 3
    assert pictures[0].width < 300
    assert {tile.width for tile in pictures[1:]} == {600}
    assert "Overview" in told[1][1]
    assert "Tile 1 of" in told[3][1]


async def test_more_pictures_than_a_model_takes_lose_the_oldest_and_say_so(tmp_path: Path) -> None:
    many = [odd.saved(odd.screen(64, 64 + i), "PNG") for i in range(20)]
    async with house(tmp_path) as lab:
        lab.simulator.fault("gemini", "*", "overloaded")
        answer = await lab.chat(asking(*many), model="vision")
        told = sent([call for call in lab.simulator.calls if call.work == "chat"][-1].body)
    assert answer.headers["x-portico-degraded"] == "pictures-left-out"
    kept = [one for one in told if one[0] != "text"]
    assert len(kept) == 16
    assert sum("left out" in said for kind, said in told if kind == "text") == 4


def place(index: int, part: int) -> str:
    return f"messages[{index}].content[{part}].image_url.url"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (odd.saved(SCREEN, "PNG")[:400], "damaged or cut off"),
        (odd.png(60_000, 60_000), "pixels"),
        (odd.png(0, 0), ""),
        (odd.pdf("secret", locked=True), "password"),
        (odd.long_gif(2000), "frames"),
        (odd.many_uses(30), ""),
    ],
    ids=["cut", "bomb", "nothing", "locked", "film", "svg bomb"],
)
async def test_what_cannot_be_taken_is_named_by_its_place_and_nobody_is_asked(
    data: bytes, said: str, tmp_path: Path
) -> None:
    good = {"role": "user", "content": "hello"}
    bad = {"role": "user", "content": [{"type": "text", "text": "look"}, picture(data)]}
    async with house(tmp_path) as lab:
        answer = await lab.chat([good, {"role": "assistant", "content": "hi"}, bad], model="vision")
        streamed = await lab.chat([bad], model="vision", stream=True)
        again = await lab.chat(asking(odd.saved(SCREEN, "PNG")), model="vision")
        calls = [call for call in lab.simulator.calls if call.work == "chat"]
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (
        400,
        "malformed_request",
        place(2, 1),
    )
    assert said in error["message"]
    assert streamed.status_code == 400
    assert streamed.json()["error"]["param"] == place(0, 1)
    assert again.status_code == 200
    assert len(calls) == 1


async def test_base64_that_breaks_off_into_something_else_is_refused(tmp_path: Path) -> None:
    wrong = uri(odd.saved(odd.page(60, 400), "PNG"))[:-40] + "*" * 40
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": wrong}}]}
    async with house(tmp_path) as lab:
        answer = await lab.chat([message], model="vision")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == place(0, 0)


@pytest.mark.parametrize("upstream", FLAVOURS)
async def test_a_linked_picture_is_read_here_and_the_link_goes_nowhere(
    upstream: str, tmp_path: Path
) -> None:
    data = odd.saved(odd.page(640, 320), "PNG")
    async with album(data) as (url, linked), house(tmp_path, pictures=linked) as lab:
        link = {"type": "image_url", "image_url": {"url": url}}
        told = await asked(lab, upstream, [{"role": "user", "content": [link]}])
    assert told == [("image/png", data)]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a.png",
        "http://2130706433:{port}/a.png",
        "http://[::ffff:127.0.0.1]:{port}/a.png",
        "http://localhost:{port}/a.png",
        "http://169.254.169.254/latest/meta-data",
    ],
)
async def test_a_link_that_leads_inside_is_refused_by_its_place(url: str, tmp_path: Path) -> None:
    async with album(odd.saved(SCREEN, "PNG")) as (open_url, _), house(tmp_path) as lab:
        link = url.format(port=open_url.rpartition(":")[2].partition("/")[0])
        message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": link}}]}
        answer = await lab.chat([message], model="vision")
        calls = [call for call in lab.simulator.calls if call.work == "chat"]
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == place(0, 0)
    assert calls == []


async def test_what_a_chat_carried_is_kept_once_with_what_each_model_saw(tmp_path: Path) -> None:
    photo = odd.saved(odd.screen(900, 700), "JPEG", quality=95, exif=odd.exif(6))
    async with house(tmp_path) as lab:
        for _ in range(100):
            answer = await lab.chat(asking(photo, kind="image/jpeg"), model="vision")
        archive = lab.serving.archive
        await archive.flush()
        (use,) = await archive.uses(answer.headers["x-portico-request-id"])
        seen = await archive.view(use)
        sent_last = sent([call for call in lab.simulator.calls if call.work == "chat"][-1].body)
    home = tmp_path / "home" / "artifacts"
    assert len([file for file in (home / "blobs").rglob("*") if file.is_file()]) == 1
    assert len([file for file in (home / "derived").rglob("*") if file.is_file()]) == 1
    assert ("image/png", seen) in sent_last
    assert (use.target, use.place) == ("gemini-3-flash", place(0, 1))


async def test_an_artifact_can_be_asked_about_and_only_by_whoever_may(tmp_path: Path) -> None:
    data = odd.saved(odd.page(640, 320), "PNG")
    async with house(tmp_path) as lab:
        kept = (await lab.client.post("/v1/artifacts", content=data)).json()
        for url in (kept["id"], f"artifact:{kept['id']}", lab.url + kept["url"], kept["url"]):
            link = {"type": "image_url", "image_url": {"url": url}}
            told = await asked(lab, "google", [{"role": "user", "content": [link]}])
            assert told == [("image/png", data)]
        link = {"type": "image_url", "image_url": {"url": "art_" + "a" * 26}}
        unknown = await lab.chat([{"role": "user", "content": [link]}], model="vision")
    error = unknown.json()["error"]
    assert (unknown.status_code, error["code"], error["param"]) == (404, "not_found", place(0, 0))


async def test_a_store_that_is_away_stops_no_chat(tmp_path: Path) -> None:
    stores = {"artifacts": NOWHERE}
    data = odd.saved(odd.page(640, 320), "PNG")
    async with house(tmp_path, stores=stores) as lab:
        answer = await lab.chat(asking(data), model="vision")
        kept = await lab.client.post("/v1/artifacts", content=data)
    assert answer.status_code == 200
    assert (kept.status_code, kept.json()["error"]["code"]) == (503, "store_unavailable")


async def test_what_is_left_out_of_a_chat_is_named_if_it_is_known(tmp_path: Path) -> None:
    first = asking(odd.saved(odd.page(640, 320), "PNG"))
    later = [*first, {"role": "assistant", "content": "A page."}, {"role": "user", "content": "?"}]
    async with house(tmp_path, roles={"design": {"old_pictures": "stub"}}) as lab:
        await lab.chat(first, model="design")
        await lab.serving.archive.flush()
        answer = await lab.chat(later, model="design")
        told = sent([call for call in lab.simulator.calls if call.work == "chat"][-1].body)
        named = re.search(r"art_[a-z2-7]{26}", str(told))
        assert named is not None
        kept = await lab.client.get(f"/v1/artifacts/{named[0]}")
    assert answer.headers["x-portico-degraded"] == "old-pictures-left-out"
    assert [kind for kind, _ in told if kind != "text"] == []
    assert kept.content == odd.saved(odd.page(640, 320), "PNG")


async def test_of_many_pictures_the_last_ones_are_sent(tmp_path: Path) -> None:
    turns: list[dict[str, Any]] = []
    for width in (64, 96, 128, 160):
        turns += asking(odd.saved(odd.screen(width, 64), "PNG"))
        turns.append({"role": "assistant", "content": "I see."})
    turns.append({"role": "user", "content": "And all of them?"})
    role = {"design": {"old_pictures": "last_n", "last_n": 2}}
    async with house(tmp_path, roles=role) as lab:
        answer = await lab.chat(turns, model="design")
        told = sent([call for call in lab.simulator.calls if call.work == "chat"][-1].body)
    assert answer.headers["x-portico-degraded"] == "old-pictures-left-out"
    assert [opened(one).width for one in told if one[0] != "text"] == [128, 160]


async def test_what_nothing_refers_to_is_counted_before_it_is_deleted(tmp_path: Path) -> None:
    picture, other = (odd.saved(odd.screen(*size), "PNG") for size in ((90, 60), (60, 90)))
    nothing = {"uses": 0, "blobs": 0, "derived": 0, "bytes": 0}
    one = nothing | {"blobs": 1, "bytes": len(picture)}
    async with house(tmp_path) as lab:
        kept = (await lab.client.post("/v1/artifacts", content=picture)).json()
        left = (await lab.client.post("/v1/artifacts", content=other)).json()
        await lab.client.delete(kept["url"])

        async def told(how: str = "") -> object:
            return (await lab.client.post(f"/api/artifacts/sweep{how}")).json()

        assert await told("?dry_run=false") == {"dry_run": False, **nothing}, "within the grace"
        age(tmp_path / "home", 8 * 86_400)
        assert await told() == {"dry_run": True, **one}
        assert await told() == {"dry_run": True, **one}, "counting deletes nothing"
        assert await told("?dry_run=false") == {"dry_run": False, **one}
        assert await told("?dry_run=false") == {"dry_run": False, **nothing}
        assert (await lab.client.get(left["url"])).content == other


def age(home: Path, seconds: float) -> None:
    """Let everything that was kept below *home* have been put that much earlier."""
    for path in (home / "artifacts").rglob("*"):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))
    with closing(sqlite3.connect(home / "artifacts.db")) as index, index:
        index.execute("UPDATE blobs SET claimed = claimed - ?", (seconds,))


async def test_an_address_of_a_bucket_that_cannot_be_read_is_told_without_its_secret(
    tmp_path: Path,
) -> None:
    file = tmp_path / "portico.yaml"
    file.write_text('stores: {artifacts: "s3://bucket?secret_access_key=hush&colour=blue"}\n')
    with pytest.raises(ConfigError, match="colour") as refused:
        async with open_serving(lambda: load_settings(file, {}), tmp_path, exposed=False):
            pass
    assert "stores.artifacts" in str(refused.value)
    assert "hush" not in str(refused.value)
