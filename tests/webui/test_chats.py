"""A designer's day in Open WebUI, with Portico behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.serving import House
from tests.webui.page import Chat, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

SCREEN = Path(__file__).parents[1] / "screens/data/calendar-1440-light-en.changed.png"
CODER = "Qwen/Qwen3-Coder-480B-A35B-Instruct"
V3 = ("siliconflow", "deepseek-ai/DeepSeek-V3")
ADA = "ada@lab.test"
TEXT = (
    "First the hierarchy: the title is smaller than its labels. Second the spacing, which changes "
    "from 8 to 14 pixels for no reason. Third the contrast of the grey hint."
)


async def test_the_picker_shows_roles_and_targets_with_what_they_are_for(chat: Chat) -> None:
    await chat.new("design")
    await expect(chat.page.get_by_text("UI/UX analysis and architectural planning")).to_be_visible()
    await chat.page.click("#model-selector-model-button")
    for name in ("auto", "design", "vision", "code", "devops", "gemini-3-flash", "qwen3-coder"):
        option = chat.page.get_by_role("option", name=name, exact=False).first
        await option.scroll_into_view_if_needed()
        await expect(option).to_be_visible()
    await chat.show("picker")


async def test_a_question_is_streamed_and_its_errands_go_to_the_cheapest(
    chat: Chat, lab: House
) -> None:
    before = {row["id"] for row in await lab.requests()}
    await chat.new("design")
    await chat.say(f"SAY: {TEXT}")
    await expect(chat.answer).to_contain_text(TEXT)
    await chat.done()
    await chat.show("streamed")

    async def asked() -> dict[str | None, Any]:
        rows = [row for row in await lab.requests() if row["id"] not in before]
        return {row["task"]: row for row in rows}

    rows = await until(asked, lambda rows: len(rows) >= 4)
    assert {row["person"] for row in rows.values()} == {ADA}
    assert rows[None]["role"] == "design"
    assert rows[None]["streamed"]
    errands = rows.keys() - {None}
    assert errands == {"title_generation", "tags_generation", "follow_up_generation"}
    assert {rows[task]["role"] for task in errands} == {"background"}
    assert all(rows[task]["target"] != "gemini-3-flash" for task in errands)


async def test_reasoning_is_shown_apart_from_the_answer(chat: Chat) -> None:
    await chat.new("thinker")
    await chat.say("Plan the settings screen")
    await expect(chat.answer.get_by_text("Thought for")).to_be_visible()
    await expect(chat.answer).to_contain_text("The last user message has")
    await chat.show("reasoning")


async def test_a_screenshot_is_looked_at(chat: Chat, lab: House) -> None:
    await chat.new("design")
    await chat.attach(SCREEN)
    await chat.say("What is on this screen?")
    await expect(chat.answer).to_contain_text("Picture 1: image/png")
    await chat.done()
    await chat.show("screenshot")
    (row, *_) = [row for row in await lab.requests() if row["task"] is None]
    assert (row["target"], row["modalities"]) == ("gemini-3-flash", ["image", "text"])


async def test_a_screenshot_is_looked_at_by_another_when_the_quota_is_spent(
    chat: Chat, lab: House
) -> None:
    lab.simulator.fault("gemini", "*", "rate_limited_day", times=None)
    await chat.new("design")
    await chat.attach(SCREEN)
    await chat.say("And what is on this one?")
    await expect(chat.answer).to_contain_text("Picture 1: image/png")
    await chat.done()
    (row, *_) = [row for row in await lab.requests() if row["task"] is None]
    assert row["target"] == "qwen-vl"
    assert not lab.simulator.blind


async def test_a_blind_model_takes_no_pictures_and_says_so_in_the_picker(chat: Chat) -> None:
    await chat.new("deepseek-v3")
    await chat.attach(SCREEN)
    await expect(chat.page.get_by_text("do not support image inputs").first).to_be_visible()


async def test_stop_stops_the_upstream(chat: Chat, lab: House) -> None:
    await chat.new("code")
    await chat.say("Write LONG 2000 DELAY 50")
    await expect(chat.answer).to_contain_text("simulated")
    await chat.stop()
    rows = await until(
        lab.requests, lambda rows: any(row["outcome"] == "abandoned" for row in rows)
    )
    (row,) = [row for row in rows if row["outcome"] == "abandoned"]
    assert row["target"] == "deepseek-v3"
    bills = [bill for bill in lab.simulator.bills if bill.status == "abandoned"]
    assert bills, "the provider saw the connection close"
    await chat.show("stopped")


async def test_an_answer_can_be_asked_for_again(chat: Chat) -> None:
    await chat.new("devops")
    await chat.say("Why does it restart?")
    await chat.done()
    await chat.again()
    await expect(chat.page.get_by_text("2/2")).to_be_visible()


async def test_a_tool_is_called_and_its_result_answered(chat: Chat) -> None:
    await chat.new("design")
    await chat.say("What is the current timestamp?")
    await expect(chat.answer).to_contain_text("A tool answered")
    await chat.show("tool")


async def test_an_upstream_that_dies_mid_answer_is_replaced_unseen(chat: Chat, lab: House) -> None:
    lab.simulator.fault("gemini", "*", "cut", after=9)
    await chat.new("design")
    await chat.say(f"SAY: {TEXT}")
    await chat.done()
    await expect(chat.answer).to_contain_text(TEXT)


async def test_an_answer_that_nobody_can_go_on_with_ends_in_an_error_that_reads_well(
    chat: Chat, lab: House
) -> None:
    lab.simulator.fault(*V3, "cut", after=9, times=None)
    await chat.new("code")
    await chat.say(f"SAY: {TEXT}")
    await expect(chat.answer).to_contain_text("deepseek-v3 broke off")
    await expect(chat.answer).to_contain_text("First the hierarchy")
    await chat.show("broken-off")


async def test_an_error_before_the_first_word_reads_well(chat: Chat, lab: House) -> None:
    lab.simulator.fault("*", "*", "overloaded", times=None)
    await chat.new("code")
    await chat.say("Refactor this")
    await expect(chat.answer).to_contain_text("deepseek-v3")
    await expect(chat.answer).not_to_contain_text("{")
    await chat.show("nobody-answers")


async def test_a_trace_knows_the_chat_and_the_message(chat: Chat, lab: House) -> None:
    await chat.new("devops")
    await chat.say("Which container is this?")
    await chat.done()
    ident = chat.page.url.rpartition("/")[2]

    async def told() -> Any:
        found = await lab.client.get("/api/traces", params={"person": ADA, "role": "devops"})
        return [card for card in found.json()["traces"] if card["chat"] == ident]

    [card] = await until(told, bool)  # what was said is written a moment after it
    assert card["message"]


async def test_a_document_is_read_and_answered_from(chat: Chat, lab: House, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The deployment window is every Tuesday at 7 in the morning.\n" * 30)
    await chat.new("devops")
    await chat.attach(notes)
    await chat.say("When is the deployment window?")
    await expect(chat.answer).to_contain_text("Retrieved 1 source")
    await chat.done()
    await chat.show("document")
    told = [json.dumps(call.body) for call in lab.simulator.calls if call.model == CODER]
    assert any("every Tuesday at 7" in body for body in told), "the model was shown the passage"
    operations = {row["operation"] for row in await lab.requests()}
    assert operations == {"chat", "embeddings"}
