"""The design endpoints over real sockets: boxes, differences and audits, and every refusal."""

import asyncio
import io
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from portico.api.design_shapes import AuditBody, DiffBody, ElementsBody
from portico.api.forms import decoded
from portico.errors import MalformedRequest
from portico.vision.elements import json_schema
from tests.api.seers import GEMINI, QWEN, Lab, Shown, lab
from tests.api.wires import enveloped
from tests.vision.screens import Screen, answer, screen

pytestmark = pytest.mark.anyio

SHOWN = screen(1)  # 1440 x 900
LABELS = {thing.label for thing in SHOWN.things}


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def uri(image: Image.Image) -> str:
    return f"data:image/png;base64,{b64encode(png(image)).decode()}"


PICTURE = uri(SHOWN.image)


def sees(convention: str, shown: Screen = SHOWN) -> Callable[[Shown], str]:
    return lambda put: answer(shown.things, put.size, convention)


def error(answer: httpx.Response) -> dict[str, Any]:
    return enveloped(answer.status_code, answer.headers, answer.json())


def named(found: httpx.Response) -> dict[str, list[int]]:
    assert found.status_code == 200, found.text
    told = found.json()
    jsonschema.validate(told, json_schema())
    return {element["label"]: element["bbox"] for element in told["elements"]}


def assert_in_place(found: dict[str, list[int]]) -> None:
    for thing in SHOWN.things:
        box = thing.bbox
        truth = (box.x1, box.y1, box.x2, box.y2)
        assert all(abs(a - b) <= 2 for a, b in zip(found[thing.label], truth, strict=True))


async def test_what_was_found_on_an_artifact_finds_it_again(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: sees("gemini"), QWEN: sees("qwen3-vl")}
        sent = b64decode(PICTURE.partition(",")[2])
        kept = await house.client.post("/v1/artifacts", content=sent)
        found = await house.ask("elements", image=PICTURE)
        label = next(iter(named(found)))
        for _ in range(200):
            answer = await house.client.post("/v1/design/search", json={"text": label})
            if answer.json()["hits"]:
                break
            await asyncio.sleep(0.05)
    (hit,) = answer.json()["hits"]
    assert hit["artifact"] == kept.json()["id"]
    assert hit["request_id"] == found.headers["x-portico-request-id"]
    assert hit["reason"]["words"]


async def test_elements_of_a_screenshot_from_either_dialect(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: sees("gemini"), QWEN: sees("qwen3-vl")}
        google = await house.ask("elements", image=PICTURE)
        qwen = await house.ask("elements", image=PICTURE, model="qwen-vl", detail="high")
        rows = await house.rows()

    for answered in (google, qwen):
        assert named(answered).keys() == LABELS
        assert_in_place(named(answered))
        assert "x-portico-simulated" not in answered.headers
        assert "x-portico-degraded" not in answered.headers
    told = google.headers
    rid = told["x-portico-request-id"]
    assert (told["x-portico-role"], told["x-portico-target"], told["x-portico-attempts"]) == (
        "vision",
        "gemini-3-flash",
        "1",
    )
    assert told["content-type"] == "application/json"
    assert google.json()["image"]["width"] == 1440
    assert google.json()["source"] == [{"target": "gemini-3-flash", "convention": "gemini"}]
    assert (qwen.headers["x-portico-role"], qwen.headers["x-portico-target"]) == ("qwen-vl",) * 2
    assert tuple(rows[0][name] for name in ("id", "target", "modalities")) == (
        f"{rid}-1",
        "gemini-3-flash",
        ["image", "text"],
    )
    assert rows[1]["target"] == "qwen-vl"


async def test_a_mismatch_is_reminded_over_the_wire(tmp_path: Path) -> None:
    def says(put: Shown) -> str:
        wrong = not any("did not fit" in said for said in put.said)
        form = "gemini" if wrong else ""
        return answer(SHOWN.things, put.size, "qwen2.5-vl" if wrong else "gemini", form)

    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: says}
        found = await house.ask("elements", image=PICTURE)

    assert_in_place(named(found))
    assert found.json()["warnings"] == []
    assert found.headers["x-portico-attempts"] == "2"
    assert len(house.seers.shown) == 2


async def test_the_next_target_answers_for_a_dead_one(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        house.simulator.fault("gemini", "*", "overloaded", times=None)
        house.seers.scripts = {QWEN: sees("qwen3-vl")}
        found = await house.ask("elements", image=PICTURE)
        rows = await house.rows()

    assert_in_place(named(found))
    assert found.headers["x-portico-target"] == "qwen-vl"
    assert found.headers["x-portico-attempts"] == "2"
    assert [row["outcome"] for row in rows] == ["failed", "answered"]


async def test_all_dead_is_told_with_every_attempt_and_the_headers(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        house.simulator.fault("*", "*", "overloaded", times=None)
        failed = await house.ask("elements", image=PICTURE)
        drawn = await house.ask("elements", "?overlay=true", image=PICTURE)

    assert failed.status_code == drawn.status_code == 502
    told = error(failed)
    assert told["code"] == "unanswered"
    assert [one["target"] for one in told["attempts"]] == ["gemini-3-flash", "qwen-vl"]
    assert failed.headers["x-portico-role"] == "vision"
    assert failed.headers["x-portico-attempts"] == "2"
    assert "x-portico-target" not in failed.headers


@pytest.mark.parametrize("model", ["gemini-3-flash", "qwen-vl"])
async def test_what_a_model_sees_of_a_page_is_what_we_say_it_saw(
    model: str, tmp_path: Path
) -> None:
    """Whoever touches a view once more on its way would move every box."""
    page = Image.new("RGB", (1190, 12_000), "white")
    for y in range(50, 11_900, 200):
        ImageDraw.Draw(page).rectangle((60, y, 300, y + 60), fill="#1a56c4")
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: lambda _: "[]", QWEN: lambda _: "[]"}
        found = await house.ask("elements", image=uri(page), model=model)

    seen = [(one["width"], one["height"]) for one in found.json()["seen"]]
    assert len(seen) > 2
    assert sorted(seen) == sorted(shown.size for shown in house.seers.shown)
    assert found.headers["x-portico-attempts"] == str(len(seen))


async def test_a_consensus_names_both_targets(tmp_path: Path) -> None:
    fewer = Screen(SHOWN.image, SHOWN.things[1:])
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: sees("gemini"), QWEN: sees("qwen3-vl", fewer)}
        found = await house.ask("elements", image=PICTURE, consensus=True)
        house.simulator.fault("siliconflow", "*", "overloaded", times=None)
        del house.seers.scripts[QWEN]
        alone = await house.ask("elements", image=PICTURE, consensus=True)

    assert named(found).keys() == LABELS
    assert found.headers["x-portico-target"] == "gemini-3-flash,qwen-vl"
    assert [one["kind"] for one in found.json()["disagreements"]].count("missed") == 1
    assert [one["code"] for one in alone.json()["warnings"]] == ["no_consensus"]
    assert alone.headers["x-portico-degraded"] == "no-consensus"
    assert alone.headers["x-portico-target"] == "gemini-3-flash"


async def test_the_overlay_is_the_picture_with_boxes_and_the_same_headers(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: sees("gemini")}
        drawn = await house.ask("elements", "?overlay=true", image=PICTURE)

    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/png")
    assert drawn.headers["x-portico-target"] == "gemini-3-flash"
    image = Image.open(io.BytesIO(drawn.content))
    assert image.size == SHOWN.size
    assert (np.asarray(image) != np.asarray(SHOWN.image)).any()


async def test_a_form_brings_a_file_and_the_same_fields(tmp_path: Path) -> None:
    file = {"file": ("screen.png", png(SHOWN.image), "image/png")}
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: sees("gemini"), QWEN: sees("qwen3-vl")}
        post = house.client.post
        plain = await post("/v1/design/elements", files=file)
        asked = await post(
            "/v1/design/elements", files=file, data={"consensus": "true", "model": "vision"}
        )
        linked = await post("/v1/design/elements", files={"image": (None, PICTURE)})

    assert_in_place(named(plain))
    assert asked.headers["x-portico-target"] == "gemini-3-flash,qwen-vl"
    assert_in_place(named(linked))


async def test_an_artifact_is_recalled_for_who_asks(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        house.seers.scripts = {GEMINI: sees("gemini")}
        house.kept["art_abc234", None] = png(SHOWN.image)
        found = await house.ask("elements", image="artifact:art_abc234")

    assert_in_place(named(found))


async def test_what_is_simulated_says_so_and_finds_nothing(tmp_path: Path) -> None:
    keyless = {name: {"api_key": ""} for name in ("google", "siliconflow", "deepseek")}
    async with lab(tmp_path, upstreams=keyless) as house:
        found = await house.ask("elements", image=PICTURE)

    assert named(found) == {}
    assert [one["code"] for one in found.json()["warnings"]] == ["nothing_found"]
    assert found.headers["x-portico-simulated"] == "true"


async def test_nobody_who_sees_is_422_and_nobody_known_404(tmp_path: Path) -> None:
    async with lab(tmp_path) as house:
        blind = await house.ask("elements", image=PICTURE, model="deepseek-v3")
        unknown = await house.ask("elements", image=PICTURE, model="visoin")

    told = error(blind)
    assert (blind.status_code, told["code"]) == (422, "no_capable_target")
    assert "image" in told["message"]
    assert "gemini-3-flash" in told["message"]
    assert (unknown.status_code, error(unknown)["param"]) == (404, "model")
    assert house.simulator.blind == []


HALF = f"data:image/png;base64,{b64encode(png(SHOWN.image)[:3000]).decode()}"
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("elements", {}, "image"),
    ("elements", {"image": 5}, "image"),
    ("elements", {"image": "hello"}, "image"),
    ("elements", {"image": "https://example.com/a.png"}, "image"),
    ("elements", {"image": HALF}, "image"),
    ("elements", {"image": PICTURE + "!"}, "image"),
    ("elements", {"image": PICTURE, "model": ""}, "model"),
    ("elements", {"image": PICTURE, "modle": "vision"}, "modle"),
    ("elements", {"image": PICTURE, "consensus": "perhaps"}, "consensus"),
    ("elements", {"image": PICTURE, "detail": "highest"}, "detail"),
    ("elements", {"image": PICTURE, "page": 0}, "page"),
    ("elements", {"image": PICTURE, "page": 2}, "page"),
    ("diff", {"before": PICTURE}, "after"),
    ("diff", {"before": PICTURE, "after": "hello"}, "after"),
    ("diff", {"before": HALF, "after": PICTURE}, "before"),
    ("diff", {"before": PICTURE, "after": PICTURE, "ignore": [[1, 2, 3]]}, "ignore[0]"),
    ("diff", {"before": PICTURE, "after": PICTURE, "ignore": [[9, 9, 1, 1]]}, "ignore[0]"),
    ("diff", {"before": PICTURE, "after": PICTURE, "ignore": [[0, 0, 1, 1]] * 101}, "ignore"),
    ("diff", {"before": PICTURE, "after": PICTURE, "page": 2}, "page"),
    ("audit", {"image": PICTURE, "dpr": 0}, "dpr"),
    ("audit", {"image": HALF}, "image"),
    ("audit", {"image": PICTURE, "elements": [{"id": "a", "type": "text"}]}, "elements[0].bbox"),
    (
        "audit",
        {"image": PICTURE, "elements": [{"id": "a", "type": "text", "bbox": [0, 0, 9999, 9]}]},
        "elements[0].bbox",
    ),
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> Any:
    async with lab(tmp_path_factory.mktemp("design")) as opened:
        yield opened


@pytest.mark.parametrize(("what", "fields", "place"), BAD)
async def test_bad_input_is_400_and_named(
    what: str, fields: dict[str, Any], place: str, house: Lab
) -> None:
    refused = await house.ask(what, **fields)

    told = error(refused)
    assert (refused.status_code, told["code"], told["source"]) == (
        400,
        "malformed_request",
        "client",
    )
    assert told["param"] == place
    assert told["message"].endswith(".")
    assert len(told["message"]) < 200, "nothing of the picture is repeated"
    assert not [call for call in house.simulator.calls if call.work == "chat"]


@pytest.mark.parametrize("what", ["elements", "diff", "audit"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'"\\', b"[" * 2000, b"[" + b"1," * 100_001 + b"1]"]
)
async def test_what_is_no_json_object_is_400(what: str, body: bytes, house: Lab) -> None:
    refused = await house.client.post(f"/v1/design/{what}", content=body)
    assert (refused.status_code, error(refused)["code"]) == (400, "malformed_request")


FORM = "multipart/form-data"


@pytest.mark.parametrize(
    ("kind", "body", "place"),
    [
        (FORM, b"whatever", None),
        (f"{FORM}; boundary=x", b"--x\r\nnothing", "image"),
        (f"{FORM}; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", None),
        (f"{FORM}; boundary={'x' * 5000}", b"--x--", None),
    ],
)
async def test_what_is_no_form_is_400(
    kind: str, body: bytes, place: str | None, house: Lab
) -> None:
    head = {"content-type": kind}
    refused = await house.client.post("/v1/design/elements", content=body, headers=head)
    assert refused.status_code == 400
    assert error(refused)["param"] == place


async def test_a_forms_fields_are_checked_like_jsons(house: Lab) -> None:
    file = ("a.png", png(SHOWN.image), "image/png")

    async def param(files: Any, data: Any = None, what: str = "elements") -> str:
        refused = await house.client.post(f"/v1/design/{what}", files=files, data=data)
        assert refused.status_code == 400, refused.text
        return str(error(refused)["param"])

    assert await param({"picture": file}) == "picture"
    assert await param({"model": (None, "vision")}) == "image"
    assert await param([("file", file), ("image", file)]) == "image"
    assert await param({"file": file}, {"consensus": "perhaps"}) == "consensus"
    assert await param({"file": file}, {"page": "two"}) == "page"
    assert await param({"file": ("a.png", b"text", "image/png")}) == "image"
    assert await param({"before": file, "after": file}, {"ignore": "[[1,2"}, "diff") == "ignore"
    assert await param({"before": file, "after": ("a", b"b")}, None, "diff") == "after"
    assert await param([("before", file)] * 3, None, "diff") == "before"
    assert await param([("before", file)] * 17, None, "diff") == "None", "too many files"


async def test_what_is_too_large_is_413(tmp_path: Path) -> None:
    async with lab(tmp_path, server={"max_body": "10KB"}) as small:
        for what in ("elements", "diff", "audit"):
            refused = await small.ask(what, image=PICTURE)
            assert (refused.status_code, error(refused)["code"]) == (413, "request_too_large")


async def test_a_key_is_asked_for_like_everywhere(tmp_path: Path) -> None:
    async with lab(tmp_path, access={"required": True}) as closed:
        for what in ("elements", "diff", "audit"):
            refused = await closed.ask(what, image=PICTURE)
            assert (refused.status_code, error(refused)["code"]) == (401, "unauthenticated")


async def test_the_schema_is_published(house: Lab) -> None:
    found = (await house.client.get("/v1/design/elements/schema")).json()
    jsonschema.Draft202012Validator.check_schema(found)
    assert found == json.loads(json.dumps(json_schema()))


SAVE = (40, 40, 160, 90)


def button(box: tuple[int, int, int, int] | None, ink: str = "white") -> Image.Image:
    image = Image.new("RGB", (400, 300), "white")
    if box is not None:
        pen = ImageDraw.Draw(image)
        pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill="#1a56c4")
        pen.text((box[0] + 30, box[1] + 12), "Save", fill=ink, font_size=22)
    return image


async def test_a_difference_is_told_as_changes_or_as_a_heat_map(house: Lab) -> None:
    both = {"before": uri(button(None)), "after": uri(button(SAVE))}
    told = await house.ask("diff", **both)
    ignored = await house.ask("diff", **both, ignore=[[30, 30, 170, 100]])
    asked = await house.ask("diff", "?heatmap=true", **both)
    wished = await house.ask("diff", **both, heatmap=True)

    named(told)
    (change,) = told.json()["elements"]
    assert (change["type"], change["evidence"]) == ("change", "pixels")
    assert all(abs(a - b) <= 4 for a, b in zip(change["bbox"], SAVE, strict=True))
    assert told.headers["x-portico-request-id"].startswith("req_")
    assert ignored.json()["elements"] == []
    assert asked.content == wished.content
    assert (asked.headers["content-type"], asked.content[:4]) == ("image/png", b"\x89PNG")


async def test_a_form_brings_both_pictures(house: Lab) -> None:
    files = {
        "before": ("a.png", png(button(None)), "image/png"),
        "after": ("b.png", png(button(SAVE)), "image/png"),
    }
    data = {"ignore": json.dumps([[300, 200, 310, 210]])}
    told = await house.client.post("/v1/design/diff", files=files, data=data)
    assert len(told.json()["elements"]) == 1


async def test_an_audit_measures_what_is_there(house: Lab) -> None:
    element = {"id": "e1", "type": "button", "bbox": list(SAVE), "label": "Save"}
    good = await house.ask("audit", image=uri(button(SAVE)), elements=[element], dpr=1)
    poor = await house.ask("audit", image=uri(button(SAVE, "#4a7ad8")), elements=[element], dpr=3)
    none = await house.ask("audit", image=uri(button(SAVE)))

    def verdicts(told: httpx.Response) -> dict[str, str]:
        assert told.status_code == 200, told.text
        return {one["check"]: one["verdict"] for one in told.json()["findings"]}

    assert good.json()["schema"] == "portico.audit/1"
    assert verdicts(good)["contrast"] == verdicts(good)["target_size"] == "pass"
    assert verdicts(poor)["contrast"] == "fail"
    assert "target_size" in verdicts(poor)
    assert poor.json()["density"] == 3
    assert verdicts(none) == {}
    assert {one["code"] for one in none.json()["warnings"]} == {"assumed_density", "no_elements"}
    assert none.json()["needs_review"]


async def test_elements_go_into_an_audit_as_they_came(tmp_path: Path) -> None:
    async with lab(tmp_path) as opened:
        opened.seers.scripts = {GEMINI: sees("gemini")}
        found = (await opened.ask("elements", image=PICTURE)).json()["elements"]
        told = await opened.ask("audit", image=PICTURE, elements=found)
        file = {"file": ("screen.png", png(SHOWN.image), "image/png")}
        fields = {"elements": json.dumps(found), "dpr": "2"}
        form = await opened.client.post("/v1/design/audit", files=file, data=fields)

    assert form.status_code == 200, form.text
    assert len(form.json()["findings"]) > len(found)
    assert form.json()["density"] == 2
    assert {one["element"] for one in told.json()["findings"]} <= {one["id"] for one in found}
    assert told.json()["findings"]


async def test_nobody_is_asked_for_what_pixels_tell(house: Lab) -> None:
    await house.ask("diff", before=PICTURE, after=PICTURE)
    await house.ask("audit", image=PICTURE)
    assert await house.rows() == []


async def test_only_post_is_served(house: Lab) -> None:
    refused = await house.client.get("/v1/design/diff")
    assert (refused.status_code, error(refused)["code"]) == (405, "method_not_allowed")


async def test_who_leaves_ends_what_was_asked_for_them(tmp_path: Path) -> None:
    async with lab(tmp_path) as opened:
        opened.simulator.fault("*", "*", "silent", times=None)
        asking = asyncio.create_task(opened.ask("elements", image=PICTURE))
        async with asyncio.timeout(10):
            while not any(call.work == "chat" for call in opened.simulator.calls):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            asking.cancel()
            while opened.serving.gateway.in_flight:  # noqa: ASYNC110 - nobody says when
                await asyncio.sleep(0.01)
        rows = await opened.rows()

    assert [row["outcome"] for row in rows] == ["abandoned"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image", "elements", "ignore", "page", "bbox", "dpr", "x"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(value=JSON, kind=st.sampled_from([ElementsBody, DiffBody, AuditBody]))
def test_whatever_comes_is_read_or_refused_by_name(value: Any, kind: type) -> None:
    with suppress(MalformedRequest):
        assert isinstance(decoded(json.dumps(value).encode(), kind), kind)
