"""Who is asked about a picture, how often, and what becomes of what they say."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from portico.artifacts.pictures import PictureRefused
from portico.chat.reply import Batch, Delta
from portico.dispatch.places import Places
from portico.errors import (
    GatewayError,
    ModelNotFound,
    NoCapableTarget,
    QuotaExceeded,
    Unanswered,
)
from portico.routing.attempts import Failure, Kind
from portico.routing.tiers import Target
from portico.vision.conventions import GEMINI, QWEN_3
from portico.vision.elements import Box, Elements
from portico.vision.reading import MISMATCH
from tests.dispatch.sights import DOWN, REFUSED, Put, Says, Sees, eye, png, studio, truth
from tests.vision.screens import Screen, Thing, answer, screen

pytestmark = pytest.mark.anyio

SHOWN = screen(1)  # 1440 x 900
PICTURE = png(SHOWN.image)
WRONG = answer(SHOWN.things, SHOWN.size, "qwen2.5-vl", "gemini")
LABELS = {thing.label for thing in SHOWN.things}
SEES_ALL = truth(SHOWN, "gemini")


def tall() -> Screen:
    """A page ten screens tall, with a button every 150 pixels."""
    image = Image.new("RGB", (800, 8000), "white")
    draw = ImageDraw.Draw(image)
    things = []
    for number, y in enumerate(range(40, 7900, 150)):
        box = Box(60 + number % 5 * 40, y, 260 + number % 5 * 40, y + 48)
        draw.rectangle((box.x1, box.y1, box.x2 - 1, box.y2 - 1), fill="#1a73e8")
        things.append(Thing("button", f"Button {number}", box, True))
    return Screen(image, things)


def codes(found: Elements) -> list[str]:
    return [notice.code for notice in found.warnings]


def most_apart(found: Elements, shown: Screen) -> int:
    truth = {thing.label: thing.bbox for thing in shown.things}
    pairs = [(element.bbox, truth[element.label]) for element in found.elements]
    return max(_apart(one, other) for one, other in pairs)


def _apart(one: Box, other: Box) -> int:
    return max(abs(a - b) for a, b in zip(_numbers(one), _numbers(other), strict=True))


def _numbers(box: Box) -> tuple[int, int, int, int]:
    return box.x1, box.y1, box.x2, box.y2


def first_wrong(says: Callable[[Put], Says]) -> Callable[[Put], Says]:
    return lambda put: says(put) if len(put.said) > 1 else WRONG


async def refusal(asked: Awaitable[object]) -> GatewayError:
    with pytest.raises(GatewayError) as told:
        await asked
    return told.value


async def test_the_first_target_is_asked_once_and_in_its_own_convention(tmp_path: Path) -> None:
    seer = Sees(SEES_ALL)
    async with studio(tmp_path, {eye("a"): seer, eye("b"): Sees(SEES_ALL)}) as lab:
        survey = lab.survey(PICTURE, detail="high")
        found = await lab.design.elements(survey)
        rows = await lab.rows()

    assert {element.label for element in found.elements} == LABELS
    assert most_apart(found, SHOWN) <= 2
    assert codes(found) == []
    assert (found.source[0].target, found.source[0].convention) == ("a", "gemini")
    assert (found.image.width, found.image.height) == SHOWN.size
    assert found.image.sha256 is not None
    assert found.raw == (SEES_ALL(seer.puts[0]),)
    (put,) = seer.puts
    request = put.ask.request
    assert put.said == [GEMINI.prompt]
    assert (request.model, request.temperature) == ("a", 0)
    assert b"high" in bytes(request.fields["messages"])
    assert [target.name for target in survey.answering] == ["a"]
    assert len(survey.attempts) == 1
    assert [(row.id, row.asked, row.target, row.caller, row.status) for row in rows] == [
        ("req_1-1", "a", "a", "ann", 200)
    ]


async def test_what_was_padded_for_qwen_moves_no_box(tmp_path: Path) -> None:
    shown = screen(1)
    async with studio(tmp_path, {eye("q", "qwen3-vl"): Sees(truth(shown, "qwen3-vl"))}) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert found.seen[0].height % 32 == 0 != SHOWN.size[1] % 32
    assert {element.label for element in found.elements} == LABELS
    assert most_apart(found, shown) <= 2


async def test_a_mismatch_is_asked_about_once_more_with_the_reminder(tmp_path: Path) -> None:
    seer = Sees(first_wrong(SEES_ALL))
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        survey = lab.survey(PICTURE)
        found = await lab.design.elements(survey)

    assert codes(found) == []
    assert most_apart(found, SHOWN) <= 2
    assert seer.puts[1].said == [GEMINI.prompt, WRONG, GEMINI.reminder]
    assert seer.puts[1].size == seer.puts[0].size, "the picture is shown again"
    assert [journey.id for journey in survey.journeys] == ["req_1-1", "req_1-2"]


async def test_who_stays_wrong_is_kept_with_the_warning_and_not_asked_again(tmp_path: Path) -> None:
    seer = Sees(lambda _: WRONG)
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert found.warned(MISMATCH)
    assert found.elements
    assert len(seer.puts) == 2


@pytest.mark.parametrize("second", ["I cannot give boxes.", DOWN], ids=["prose", "failure"])
async def test_the_better_of_two_answers_is_kept(second: Says, tmp_path: Path) -> None:
    seer = Sees(first_wrong(lambda _: second))
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert found.warned(MISMATCH)
    assert found.raw == (WRONG,)


async def test_the_next_target_is_asked_where_the_first_fails(tmp_path: Path) -> None:
    targets = {eye("a"): Sees(lambda _: DOWN), eye("b", "qwen3-vl"): Sees(truth(SHOWN, "qwen3-vl"))}
    async with studio(tmp_path, targets) as lab:
        survey = lab.survey(PICTURE)
        found = await lab.design.elements(survey)
        rows = await lab.rows()

    assert found.source[0].convention == "qwen3-vl"
    assert [target.name for target in survey.answering] == ["b"]
    assert [attempt.target.name for attempt in survey.attempts] == ["a", "b"]
    assert [(row.target, row.outcome) for row in rows] == [(None, "failed"), ("b", "answered")]


async def test_an_answer_that_breaks_off_is_no_answer(tmp_path: Path) -> None:
    torn = [Delta("[{"), Delta("more")]
    async with studio(tmp_path, {eye("a"): Sees(lambda _: torn), eye("b"): Sees(SEES_ALL)}) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert found.source[0].target == "b"


async def test_the_error_has_everybodys_attempts_and_the_first_cause(tmp_path: Path) -> None:
    late = Failure(Kind.SILENT, "nothing came")
    targets = {eye("a"): Sees(lambda _: DOWN), eye("b"): Sees(lambda _: late)}
    async with studio(tmp_path, targets) as lab:
        survey = lab.survey(PICTURE)
        error = await refusal(lab.design.elements(survey))

    assert isinstance(error, Unanswered)
    assert (error.status, error.code) == (504, "unanswered")
    assert [(one.target, one.kind) for one in error.attempts] == [
        ("a", "unavailable"),
        ("b", "silent"),
    ]
    assert "First a: down" in str(error)
    assert survey.answering == []


async def test_those_who_rest_are_named_and_not_asked(tmp_path: Path) -> None:
    seer = Sees(lambda _: Failure(Kind.QUOTA_SPENT, "the day is spent", until=4e9))
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        await refusal(lab.design.elements(lab.survey(PICTURE)))
        error = await refusal(lab.design.elements(lab.survey(PICTURE)))

    assert isinstance(error, Unanswered)
    assert error.status == 429
    assert (len(seer.puts), error.attempts) == (1, ())
    assert [one.target for one in error.resting] == ["a"]


async def test_nobody_who_sees_is_422_and_nobody_unknown_is_404(tmp_path: Path) -> None:
    blind = Target("blind-one", "blind-one", "m")
    seer = Sees(SEES_ALL)
    async with studio(tmp_path, {blind: seer}) as lab:
        incapable = await refusal(lab.design.elements(lab.survey(PICTURE)))
        unknown = await refusal(lab.design.elements(lab.survey(PICTURE, "visoin")))

    assert isinstance(incapable, NoCapableTarget)
    assert "image" in str(incapable)
    assert isinstance(unknown, ModelNotFound)
    assert seer.puts == []


async def test_a_damaged_picture_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    first, second = Sees(SEES_ALL), Sees(SEES_ALL)
    async with studio(tmp_path, {eye("a"): first, eye("b"): second}) as lab:
        for consensus in (False, True):
            survey = lab.survey(PICTURE[:2000], consensus=consensus)
            error = await refusal(lab.design.elements(survey))
            assert isinstance(error, PictureRefused)

    assert first.puts == second.puts == []


async def test_a_page_is_looked_at_in_tiles_and_told_once(tmp_path: Path) -> None:
    page = tall()
    seer = Sees(truth(page, "gemini"))
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        survey = lab.survey(png(page.image))
        found = await lab.design.elements(survey)
        rows = await lab.rows()

    assert len(seer.puts) == len(found.seen) == len(rows) >= 3
    assert len(found.elements) == len(page.things)
    assert most_apart(found, page) <= 5
    # Three are asked at once: who is first is chance, and what each is told is not.
    told = [put.said[0] for put in seer.puts]
    overviews = ["Overview of a picture" in said for said in told]
    tiles = ["relative to the picture that is shown here" in said for said in told]
    assert sum(overviews) == 1
    assert tiles == [not overview for overview in overviews]
    assert codes(found) == ["note"], "that there is an overview and tiles"
    assert {row.id for row in rows} == {f"req_1-{n}" for n in range(1, len(rows) + 1)}


async def test_no_more_than_three_views_are_asked_about_at_once(tmp_path: Path) -> None:
    page, under_way, most = tall(), 0, 0

    class Slow(Sees):
        async def _batches(self, said: list[Delta]) -> AsyncIterator[Batch]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.02)
            under_way -= 1
            for delta in said:
                yield [delta]

    async with studio(tmp_path, {eye("q", "qwen2.5-vl"): Slow(lambda _: "none")}) as lab:
        found = await lab.design.elements(lab.survey(png(page.image.resize((1500, 15_000)))))

    assert len(found.seen) > 3
    assert most == 3


async def test_a_tile_that_fails_is_missed_and_the_others_are_not_lost(tmp_path: Path) -> None:
    page = tall()
    says = truth(page, "gemini")
    seer = Sees(lambda put: DOWN if put.region and put.region.y1 == 0 else says(put))
    async with studio(tmp_path, {eye("a"): seer, eye("b"): Sees(says)}) as lab:
        survey = lab.survey(png(page.image))
        found = await lab.design.elements(survey)

    assert "tile_missing" in codes(found)
    assert survey.degraded == ("tile-missing",)
    assert found.elements
    assert [target.name for target in survey.answering] == ["a"]


async def test_all_tiles_failing_is_failing(tmp_path: Path) -> None:
    page = tall()
    second = Sees(truth(page, "gemini"))
    async with studio(tmp_path, {eye("a"): Sees(lambda _: DOWN), eye("b"): second}) as lab:
        found = await lab.design.elements(lab.survey(png(page.image)))

    assert found.source[0].target == "b"
    assert len(found.elements) == len(page.things)


async def test_an_empty_tile_is_no_news(tmp_path: Path) -> None:
    page = tall()
    says = truth(page, "gemini")
    seer = Sees(lambda put: "[]" if put.region and put.region.y1 == 0 else says(put))
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        found = await lab.design.elements(lab.survey(png(page.image)))

    assert not found.warned("nothing_found")


async def test_a_consensus_says_what_both_saw_and_where_they_differ(tmp_path: Path) -> None:
    fewer = Screen(SHOWN.image, SHOWN.things[1:])
    targets = {eye("a"): Sees(SEES_ALL), eye("b", "qwen3-vl"): Sees(truth(fewer, "qwen3-vl"))}
    async with studio(tmp_path, targets) as lab:
        survey = lab.survey(PICTURE, consensus=True)
        found = await lab.design.elements(survey)

    assert [source.target for source in found.source] == ["a", "b"]
    assert [target.name for target in survey.answering] == ["a", "b"]
    assert len(found.raw) == 2
    (missed,) = [one for one in found.disagreements if one.kind == "missed"]
    assert missed.said["a"] == SHOWN.things[0].label
    assert sum("agreed" in element.flags for element in found.elements) == len(fewer.things)


async def test_the_third_steps_in_where_one_of_two_fails(tmp_path: Path) -> None:
    targets = {eye("a"): Sees(SEES_ALL), eye("b"): Sees(lambda _: DOWN), eye("c"): Sees(SEES_ALL)}
    async with studio(tmp_path, targets) as lab:
        survey = lab.survey(PICTURE, consensus=True)
        found = await lab.design.elements(survey)

    assert [source.target for source in found.source] == ["a", "c"]
    assert len(survey.attempts) == 3


async def test_a_consensus_of_one_says_that_it_is_none(tmp_path: Path) -> None:
    async with studio(tmp_path, {eye("a"): Sees(lambda _: DOWN), eye("b"): Sees(SEES_ALL)}) as lab:
        survey = lab.survey(PICTURE, consensus=True)
        found = await lab.design.elements(survey)

    assert codes(found) == ["no_consensus"]
    assert survey.degraded == ("no-consensus",)
    assert {element.label for element in found.elements} == LABELS


async def test_a_consensus_of_none_is_an_error(tmp_path: Path) -> None:
    targets = {eye("a"): Sees(lambda _: DOWN), eye("b"): Sees(lambda _: DOWN)}
    async with studio(tmp_path, targets) as lab:
        error = await refusal(lab.design.elements(lab.survey(PICTURE, consensus=True)))

    assert isinstance(error, Unanswered)
    assert {one.target for one in error.attempts} == {"a", "b"}


async def test_a_refusal_by_policy_is_said_or_moved_on_from(tmp_path: Path) -> None:
    targets = {eye("a"): Sees(lambda _: REFUSED), eye("b"): Sees(SEES_ALL)}
    async with studio(tmp_path, targets) as lab:
        stopped = await lab.design.elements(lab.survey(PICTURE))
    async with studio(tmp_path, targets, refused="next") as lab:
        moved = await lab.design.elements(lab.survey(PICTURE))

    assert codes(stopped) == ["refused"]
    assert stopped.elements == ()
    assert moved.source[0].target == "b"


async def test_an_answer_that_was_too_long_says_so(tmp_path: Path) -> None:
    def says(put: Put) -> Says:
        return [Delta(SEES_ALL(put)), Delta(finish="length")]

    async with studio(tmp_path, {eye("a"): Sees(says)}) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert codes(found) == ["answer_cut"]
    assert {element.label for element in found.elements} == LABELS


async def test_prose_without_boxes_is_nothing_found(tmp_path: Path) -> None:
    async with studio(tmp_path, {eye("a"): Sees(lambda _: "What a nice screen.")}) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert codes(found) == ["nothing_found"]


async def test_a_named_target_is_asked_alone(tmp_path: Path) -> None:
    second = Sees(truth(SHOWN, "qwen3-vl"))
    targets = {eye("a"): Sees(SEES_ALL), eye("b", "qwen3-vl"): second}
    async with studio(tmp_path, targets) as lab:
        found = await lab.design.elements(lab.survey(PICTURE, "b"))

    assert [source.target for source in found.source] == ["b"]
    assert second.puts[0].said == [QWEN_3.prompt]


async def test_a_caller_with_too_much_under_way_is_told_so(tmp_path: Path) -> None:
    """Nobody else is asked for what another target would not change."""

    entered = []

    class Strict(Places):
        async def enter(self, caller: str | None, seconds: float = 30.0) -> None:
            entered.append(caller)
            raise QuotaExceeded("You have as many requests under way as you may.")

    targets = {eye("a"): Sees(SEES_ALL), eye("b"): Sees(SEES_ALL)}
    async with studio(tmp_path, targets, Strict()) as lab:
        error = await refusal(lab.design.elements(lab.survey(PICTURE)))

    assert isinstance(error, QuotaExceeded)
    assert entered == ["ann"]


async def test_where_nobody_has_a_place_left_that_is_said(tmp_path: Path) -> None:
    full = {eye("a", max_concurrency=0): Sees(SEES_ALL)}
    async with studio(tmp_path, full, Places(max_waiting=0)) as lab:
        error = await refusal(lab.design.elements(lab.survey(PICTURE)))

    assert error.code == "gateway_overloaded"


async def test_who_has_no_place_left_is_passed_over(tmp_path: Path) -> None:
    targets = {eye("a", max_concurrency=0): Sees(SEES_ALL), eye("b"): Sees(SEES_ALL)}
    async with studio(tmp_path, targets, Places(max_waiting=0)) as lab:
        found = await lab.design.elements(lab.survey(PICTURE))

    assert found.source[0].target == "b"


async def test_two_pages_are_the_first_unless_one_is_chosen(tmp_path: Path) -> None:
    pages = [screen(4).image, screen(5).image.resize((800, 600))]
    pdf = _pdf(pages)
    seer = Sees(lambda _: "[]")
    async with studio(tmp_path, {eye("a"): seer}) as lab:
        first = await lab.design.elements(lab.survey(pdf))
        second = await lab.design.elements(lab.survey(pdf, page=2))
        error = await refusal(lab.design.elements(lab.survey(pdf, page=3)))
        drawn = await lab.design.overlaid(second, pdf, 2)

    assert "first_page" in codes(first)
    assert "first_page" not in codes(second)
    assert "Page 2 of 2" in seer.puts[1].said[0]
    assert first.image.pixels_sha256 != second.image.pixels_sha256
    assert (error.param, str(error)) == ("page", "`page` is from 1 to 2.")
    assert drawn.startswith(b"\x89PNG")


def _pdf(pages: list[Image.Image]) -> bytes:
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:])
    return out.getvalue()


async def test_what_is_under_way_ends_when_the_caller_leaves(tmp_path: Path) -> None:
    both = asyncio.Barrier(3)

    class Endless(Sees):
        async def _batches(self, said: list[Delta]) -> AsyncIterator[Batch]:
            yield [Delta("[")]
            await both.wait()
            await asyncio.sleep(60)

    targets = {eye("a"): Endless(lambda _: ""), eye("b"): Endless(lambda _: "")}
    async with studio(tmp_path, targets) as lab:
        survey = lab.survey(PICTURE, consensus=True)
        asking = asyncio.create_task(lab.design.elements(survey))
        async with asyncio.timeout(10):
            await both.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        rows = await lab.rows()
        assert lab.gateway.in_flight == 0

    assert [row.outcome for row in rows] == ["abandoned"] * 2
