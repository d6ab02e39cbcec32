import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.simulator.answers import answer, pieces
from portico.simulator.questions import Offer, Picture, Question, Turn, tokens

WEATHER = Offer("get_weather", {"type": "object", "properties": {"city": {"type": "string"}}})
SEARCH = Offer("searchDocuments", {"required": ["query"], "properties": {"query": {}}})


def asked(text: str, **fields: object) -> Question:
    return Question("a-model", (Turn("user", text),), **fields)  # type: ignore[arg-type]


def test_an_answer_says_that_it_is_simulated_and_what_it_saw() -> None:
    picture = Picture("image/png", 640, 480, 1120)
    said = answer(Question("a-model", (Turn("user", "Where is it?", (picture,)),)))
    assert said.text.startswith("[simulated a-model] I see 1 turn.")
    assert 'has 12 characters: "Where is it?"' in said.text
    assert "image/png, 640 x 480 pixels" in said.text
    assert said.input == 3 + 1120


def test_say_fixes_the_answer_to_the_end_of_the_line() -> None:
    assert answer(asked("please\nSAY: this, exactly \nnot this")).text == "this, exactly "


def test_long_gives_exactly_that_many_words() -> None:
    assert len(answer(asked("LONG 250")).text.split()) == 250


def test_delay_is_in_milliseconds() -> None:
    assert answer(asked("DELAY 20 please")).delay == 0.02


def test_cached_tokens_are_never_more_than_were_sent() -> None:
    assert answer(asked("CACHED 2 of these")).cached == 2
    assert answer(asked("CACHED 99")).cached == 3


@pytest.mark.parametrize("text", ["What is the weather?", "WEATHER!", "some weather, please"])
def test_a_word_of_the_functions_name_calls_it(text: str) -> None:
    said = answer(asked(text, offers=(SEARCH, WEATHER)))
    assert [call.name for call in said.calls] == ["get_weather"]
    assert said.finish == "tool_calls"


def test_a_camel_case_name_has_words_too() -> None:
    said = answer(asked("look through the documents", offers=(WEATHER, SEARCH)))
    assert [call.name for call in said.calls] == ["searchDocuments"]
    assert said.calls[0].arguments == {"query": "simulated query"}


def test_short_words_and_other_words_call_nothing() -> None:
    assert not answer(asked("get it", offers=(WEATHER,))).calls


@pytest.mark.parametrize(
    "around",
    [
        "<attached_files>\n<file name='weather.png'/>\n</attached_files>\n\n",
        "### Task:\nRespond to the weather query.\n<context>documents</context>\n\n",
    ],
)
def test_what_a_chat_ui_writes_around_a_question_calls_nothing(around: str) -> None:
    offers = (WEATHER, SEARCH)
    said = answer(asked(f"{around}What is this?", offers=offers))
    assert not said.calls
    assert 'characters: "What is this?"' in said.text
    assert answer(asked(f"{around}The weather?", offers=offers)).calls


def test_of_many_tools_a_few_are_named() -> None:
    offers = tuple(Offer(f"tool_{number}", {}) for number in range(40))
    assert "Tools offered: tool_0, tool_1, " in answer(asked("hm", offers=offers)).text
    assert "tool_5 and 34 more." in answer(asked("hm", offers=offers)).text


def test_parallel_calls_all_that_are_meant() -> None:
    said = answer(asked("weather and documents, parallel", offers=(WEATHER, SEARCH)))
    assert [call.name for call in said.calls] == ["get_weather", "searchDocuments"]


def test_required_calls_something_and_named_calls_that() -> None:
    offers = (WEATHER, SEARCH)
    assert answer(asked("hm", offers=offers, choice="required")).calls[0].name == "get_weather"
    named = frozenset({"searchDocuments"})
    forced = answer(asked("weather", offers=offers, choice="required", named=named))
    assert forced.calls[0].name == "searchDocuments"


def test_none_never_calls() -> None:
    assert not answer(asked("weather", offers=(WEATHER,), choice="none")).calls


def test_a_tools_result_is_quoted_and_nothing_is_called_again() -> None:
    turns = (Turn("user", "weather"), Turn("assistant"), Turn("tool", "sunny " * 20))
    said = answer(Question("a-model", turns, (WEATHER,), choice="required"))
    assert not said.calls
    assert ("sunny " * 10)[:60] in said.text
    assert ("sunny " * 11)[:61] not in said.text


def test_a_prefill_is_continued_and_not_repeated() -> None:
    turns = (Turn("user", "SAY: one two three"), Turn("assistant", "one tw"))
    assert answer(Question("a-model", turns)).text == "o three"


def test_an_instruction_to_continue_continues_what_the_assistant_had_said() -> None:
    turns = (
        Turn("user", "SAY: one two three"),
        Turn("assistant", "one "),
        Turn("user", "Continue from exactly where you stopped."),
    )
    assert answer(Question("a-model", turns)).text == "two three"


def test_the_limit_cuts_the_text_and_says_so() -> None:
    said = answer(asked("SAY: abcdefghijkl", limit=2))
    assert (said.text, said.finish, said.visible) == ("abcdefgh", "length", 2)


def test_a_text_of_exactly_the_limit_is_whole() -> None:
    assert answer(asked("SAY: abcdefgh", limit=2)).finish == "stop"


def test_the_earliest_stop_sequence_ends_the_text() -> None:
    said = answer(asked("SAY: one two three", stops=("three", "two", "")))
    assert (said.text, said.finish) == ("one ", "stop")


def test_counts_are_times_the_number_of_choices() -> None:
    said = answer(asked("SAY: abcdefgh", count=3, thinks=True))
    assert said.visible == 6
    assert said.output == said.visible + 3 * tokens(said.reasoning)


def test_any_object_is_an_object() -> None:
    assert answer(asked("hello", shape={})).text.startswith('{"answer":"[simulated a-model]')


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
