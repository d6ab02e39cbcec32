from typing import Any

import pytest

from portico.routing.attempts import Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.signatures import DUMMY, Signatures
from tests.upstreams.gemini_asks import MODEL, ask, body

type Turn = dict[str, Any]

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
DEEP = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
BLOB = {"inline_data": {"mime_type": "image/png", "data": "AA"}}


def user(content: Any, **more: Any) -> Turn:
    return {"role": "user", "content": content, **more}


def text(said: str) -> Turn:
    return {"type": "text", "text": said}


def called(*calls: tuple[str, str, str], content: str | None = None) -> Turn:
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id_, name, arguments in calls
        ],
    }


def result(call_id: str, content: Any, **more: str) -> Turn:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def contents(messages: list[Turn], kept: Signatures | None = None, **more: Any) -> Any:
    return body(ask(messages, **more), kept)["contents"]


def test_system_and_developer_messages_become_the_instruction() -> None:
    sent = body(
        ask(
            [
                {"role": "system", "content": "Be brief."},
                user("Hi"),
                {"role": "developer", "content": [text("Be kind.")]},
            ]
        )
    )
    assert sent["system_instruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert sent["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_instructions_alone_are_asked_as_a_question() -> None:
    sent = body(ask([{"role": "system", "content": "Say hi."}]))
    assert "system_instruction" not in sent
    assert sent["contents"] == [{"role": "user", "parts": [{"text": "Say hi."}]}]


def test_nothing_at_all_is_still_a_question() -> None:
    assert contents([user("")]) == [{"role": "user", "parts": [{"text": ""}]}]


def test_what_one_speaker_says_in_a_row_is_one_content() -> None:
    assert contents(
        [
            user("a"),
            user("b"),
            {"role": "assistant", "content": "c"},
            {"role": "assistant", "content": None},
            {"role": "assistant", "content": "d", "reasoning_content": "hidden"},
            user("e"),
        ]
    ) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "parts": [{"text": "e"}]},
    ]


def test_one_picture_goes_before_its_text() -> None:
    [content] = contents([user([text("Find the buttons"), PICTURE])])
    assert content["parts"] == [BLOB, {"text": "Find the buttons"}]


def test_several_pictures_stay_where_they_stand() -> None:
    parts = [text("First:"), PICTURE, text("Second:"), PICTURE]
    [content] = contents([user(parts)])
    assert content["parts"] == [{"text": "First:"}, BLOB, {"text": "Second:"}, BLOB]


def test_a_named_speaker_is_announced() -> None:
    [content] = contents([user("Hi", name="Ada")])
    assert content["parts"] == [{"text": "Ada:"}, {"text": "Hi"}]


def test_a_batch_of_calls_and_its_results_are_two_contents() -> None:
    kept = Signatures()
    kept.remember(f"google/{MODEL}", "c1", "SIG")
    sent = contents(
        [
            user("Weather?"),
            called(("c1", "look", '{"at": "Oslo"}'), ("c2", "look", ""), content="Looking."),
            result("c1", '{"sky": "blue"}'),
            result("c2", "grey"),
            user("And?"),
        ],
        kept,
    )
    assert sent[1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "Looking."},
                {
                    "functionCall": {"name": "look", "args": {"at": "Oslo"}, "id": "c1"},
                    "thoughtSignature": "SIG",
                },
                {"functionCall": {"name": "look", "args": {}, "id": "c2"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "look", "response": {"sky": "blue"}, "id": "c1"}},
                {"functionResponse": {"name": "look", "response": {"result": "grey"}, "id": "c2"}},
            ],
        },
        {"role": "user", "parts": [{"text": "And?"}]},
    ]


def test_a_call_that_another_model_made_gets_the_dummy_on_the_first_of_each_step() -> None:
    kept = Signatures()
    kept.remember("google/gemini-3.8-flash", "c1", "FOREIGN")
    sent = contents(
        [
            user("Go"),
            called(("c1", "f", "{}"), ("c2", "f", "{}")),
            result("c1", "1"),
            result("c2", "2"),
            called(("c3", "f", "{}")),
            result("c3", "3"),
        ],
        kept,
    )
    signed = [part.get("thoughtSignature") for part in sent[1]["parts"] + sent[3]["parts"]]
    assert signed == [DUMMY, None, DUMMY]


def test_a_mended_request_trusts_no_kept_signature() -> None:
    kept = Signatures()
    kept.remember(f"google/{MODEL}", "c1", "CORRUPT")
    turns = [user("Go"), called(("c1", "f", "{}")), result("c1", "1")]
    sent = contents(turns, kept, mend=("signatures",))
    assert sent[1]["parts"][0]["thoughtSignature"] == DUMMY


def test_models_that_check_no_signatures_get_no_dummy() -> None:
    turns = [user("Go"), called(("c1", "f", "{}")), result("c1", "1")]
    sent = contents(turns, model="gemini-2.5-flash")
    assert "thoughtSignature" not in sent[1]["parts"][0]


def test_a_picture_in_a_result_is_part_of_it() -> None:
    turns = [user("Go"), called(("c1", "shoot", "{}")), result("c1", [text("done"), PICTURE])]
    [part] = contents(turns)[2]["parts"]
    assert part["functionResponse"]["response"] == {"result": "done"}
    assert part["functionResponse"]["parts"] == [BLOB]


def test_a_picture_in_a_result_stands_beside_it_for_older_models() -> None:
    turns = [user("Go"), called(("c1", "shoot", "{}")), result("c1", [PICTURE])]
    response, picture = contents(turns, model="gemini-2.5-flash")[2]["parts"]
    assert response["functionResponse"]["response"] == {"result": ""}
    assert picture == BLOB


def test_a_result_without_an_id_says_its_function_itself() -> None:
    turns = [user("Go"), {"role": "function", "name": "f", "content": "[1, 2]"}]
    [part] = contents(turns)[1]["parts"]
    assert part == {"functionResponse": {"name": "f", "response": {"result": "[1, 2]"}}}


@pytest.mark.parametrize("arguments", ["[1]", '{"a":', "nonsense", '"text"', DEEP])
def test_arguments_that_are_no_object_are_refused_by_name(arguments: str) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        contents([user("Go"), called(("c0", "f", "{}"), ("c1", "f", arguments))])
    failure = caught.value.failure
    assert failure.kind is Kind.REJECTED
    assert failure.detail == "messages[1].tool_calls[1].function.arguments is not a JSON object"


def test_a_result_of_no_call_is_refused_by_name() -> None:
    with pytest.raises(UpstreamFailed) as caught:
        contents([user("Go"), result("c9", "1")])
    assert caught.value.failure.detail == "messages[1].tool_call_id names no earlier tool call"


def test_a_picture_among_the_instructions_is_left_to_another_model() -> None:
    with pytest.raises(UpstreamFailed) as caught:
        contents([{"role": "system", "content": [PICTURE]}, user("Go")])
    assert caught.value.failure.kind is Kind.INCAPABLE
    assert "messages[0].content" in caught.value.failure.detail
