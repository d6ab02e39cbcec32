import base64
from typing import Any

import pytest

from .conftest import GEMINI, Bench, events, texts

pytestmark = pytest.mark.anyio

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x06\0\0\0"
).decode()
WEATHER = {
    "functionDeclarations": [
        {
            "name": "get_weather",
            "parameters": {
                "type": "OBJECT",
                "properties": {"city": {"type": "STRING"}},
                "required": ["city"],
            },
        },
        {"name": "find_documents"},
    ]
}


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


async def test_a_whole_answer_has_the_providers_shape(bench: Bench) -> None:
    answer = (await bench.ask("gemini", "SAY: hello there")).json()
    [candidate] = answer["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert candidate["content"]["parts"][0]["text"] == "hello there"
    assert candidate["content"]["parts"][0]["thoughtSignature"]
    assert answer["modelVersion"] == "gemini-3-flash-preview"
    usage = answer["usageMetadata"]
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum(usage[part] for part in parts)


async def test_a_stream_is_framed_with_crlf_and_has_no_done(bench: Bench) -> None:
    response = await bench.ask("gemini", "SAY: one two three", stream=True)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["server"] == "ESF"
    assert "[DONE]" not in response.text
    frames = response.text.split("\r\n\r\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: {") and "\n" not in frame for frame in frames)


async def test_usage_is_on_every_chunk_and_the_finish_on_the_last_only(bench: Bench) -> None:
    chunks = events(await bench.ask("gemini", "SAY: one two three", stream=True))
    assert texts(chunks) == "one two three"
    assert all("usageMetadata" in chunk for chunk in chunks)
    finishes = [chunk["candidates"][0].get("finishReason") for chunk in chunks]
    assert finishes == [None] * (len(chunks) - 1) + ["STOP"]
    last = chunks[-1]["candidates"][0]["content"]["parts"][0]
    assert last["text"] == ""
    assert last["thoughtSignature"]


async def test_streamed_and_whole_usage_are_the_same_and_billed(bench: Bench) -> None:
    whole = (await bench.ask("gemini", "hello")).json()
    chunks = events(await bench.ask("gemini", "hello", stream=True))
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    usage = whole["usageMetadata"]
    first, second = bench.simulator.bills
    assert first == second
    assert first.status == "finished"
    assert first.input == usage["promptTokenCount"]
    assert first.output == usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]


async def test_without_alt_sse_the_stream_is_an_array(bench: Bench) -> None:
    body = {"contents": [said("SAY: one two")]}
    response = await bench.client.post(f"{GEMINI}:streamGenerateContent", json=body)
    assert response.headers["content-type"].startswith("application/json")
    assert texts(response.json()) == "one two"


async def test_snake_case_is_understood(bench: Bench) -> None:
    picture = {"inline_data": {"mime_type": "image/png", "data": PNG}}
    body = {
        "system_instruction": {"parts": [{"text": "be brief"}]},
        "contents": [{"role": "user", "parts": [picture, {"text": "what is it?"}]}],
        "generation_config": {"max_output_tokens": 1000},
    }
    answer = (await bench.client.post(f"{GEMINI}:generateContent", json=body)).json()
    text = answer["candidates"][0]["content"]["parts"][0]["text"]
    assert "I see 2 turns" in text
    assert "image/png, 640 x 480 pixels" in text


@pytest.mark.parametrize(
    ("part", "config", "cost"),
    [
        ({}, {}, 1120),
        ({}, {"mediaResolution": "MEDIA_RESOLUTION_LOW"}, 280),
        ({"mediaResolution": {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}}, {}, 2240),
        (
            {"mediaResolution": {"level": "MEDIA_RESOLUTION_MEDIUM"}},
            {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
            560,
        ),
    ],
)
async def test_a_picture_costs_by_its_resolution(
    bench: Bench, part: dict[str, Any], config: dict[str, Any], cost: int
) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": PNG}, **part}
    body = {
        "contents": [{"role": "user", "parts": [picture, {"text": "hey!"}]}],
        "generationConfig": config,
    }
    answer = (await bench.client.post(f"{GEMINI}:generateContent", json=body)).json()
    assert answer["usageMetadata"]["promptTokenCount"] == cost + 1
    counted = (await bench.client.post(f"{GEMINI}:countTokens", json=body)).json()
    assert counted["totalTokens"] == cost + 1


async def test_thoughts_come_first_when_asked_for_and_are_counted_always(bench: Bench) -> None:
    config = {"thinkingConfig": {"includeThoughts": True}}
    shown = (await bench.ask("gemini", "SAY: hello", generationConfig=config)).json()
    hidden = (await bench.ask("gemini", "SAY: hello")).json()
    parts = shown["candidates"][0]["content"]["parts"]
    assert [part.get("thought") for part in parts] == [True, None]
    assert len(hidden["candidates"][0]["content"]["parts"]) == 1
    assert shown["usageMetadata"] == hidden["usageMetadata"]
    assert hidden["usageMetadata"]["thoughtsTokenCount"] > 0


async def test_minimal_thinking_costs_no_thoughts(bench: Bench) -> None:
    config = {"thinkingConfig": {"thinkingLevel": "minimal"}}
    answer = (await bench.ask("gemini", "hello", generationConfig=config)).json()
    assert "thoughtsTokenCount" not in answer["usageMetadata"]


async def test_the_limit_ends_with_max_tokens(bench: Bench) -> None:
    config = {"maxOutputTokens": 2}
    answer = (await bench.ask("gemini", "SAY: abcdefghijkl", generationConfig=config)).json()
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "abcdefgh"


@pytest.mark.parametrize("name", ["responseSchema", "responseJsonSchema"])
async def test_a_schema_is_satisfied_and_nothing_else_is_said(bench: Bench, name: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    config = {"responseMimeType": "application/json", name: schema}
    answer = (await bench.ask("gemini", "hello", generationConfig=config)).json()
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == '{"n":1}'


# --- tools and signatures


async def called(bench: Bench, text: str = "weather?", model: str = "") -> dict[str, Any]:
    path = f"/gemini/v1beta/models/{model}" if model else GEMINI
    body = {"contents": [said(text)], "tools": [WEATHER]}
    response = await bench.client.post(f"{path}:generateContent", json=body)
    content: dict[str, Any] = response.json()["candidates"][0]["content"]
    return content


def returned(*contents: dict[str, Any], names: tuple[str, ...] = ("get_weather",)) -> Any:
    results = [{"functionResponse": {"name": n, "response": {"result": "sunny"}}} for n in names]
    return {"contents": [said("weather?"), *contents, {"role": "user", "parts": results}]}


async def test_a_tool_loop_ends_in_text_that_quotes_the_result(bench: Bench) -> None:
    content = await called(bench)
    [part] = content["parts"]
    assert part["functionCall"] == {"name": "get_weather", "args": {"city": "simulated city"}}
    answer = await bench.client.post(f"{GEMINI}:generateContent", json=returned(content))
    assert (
        'A tool answered: "sunny"' in answer.json()["candidates"][0]["content"]["parts"][0]["text"]
    )


async def test_only_the_first_of_a_parallel_batch_is_signed(bench: Bench) -> None:
    content = await called(bench, "weather and documents, parallel")
    assert ["thoughtSignature" in part for part in content["parts"]] == [True, False]
    body = returned(content, names=("get_weather", "find_documents"))
    assert (await bench.client.post(f"{GEMINI}:generateContent", json=body)).is_success


async def test_mode_any_calls_and_mode_none_does_not(bench: Bench) -> None:
    for mode, calls in (("ANY", True), ("NONE", False)):
        config = {"functionCallingConfig": {"mode": mode}}
        fields = {"tools": [WEATHER], "toolConfig": config}
        parts = (await bench.ask("gemini", "weather" if not calls else "x", **fields)).json()
        part = parts["candidates"][0]["content"]["parts"][0]
        assert ("functionCall" in part) is calls


async def test_a_missing_signature_of_the_current_turn_is_the_documented_400(bench: Bench) -> None:
    content = await called(bench)
    del content["parts"][0]["thoughtSignature"]
    response = await bench.client.post(f"{GEMINI}:generateContent", json=returned(content))
    assert response.status_code == 400
    assert response.json()["error"] == {
        "code": 400,
        "message": (
            "Function call is missing a thought_signature in functionCall parts. This is required "
            "for tools to work correctly, and missing thought_signature may lead to degraded model "
            "performance. Additional data, function call `default_api:get_weather`, position 2. "
            "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more "
            "details."
        ),
        "status": "INVALID_ARGUMENT",
    }


async def test_an_earlier_turn_needs_no_signature(bench: Bench) -> None:
    content = await called(bench)
    del content["parts"][0]["thoughtSignature"]
    body = returned(content)
    body["contents"] += [said("it is sunny", "model"), said("thanks")]
    assert (await bench.client.post(f"{GEMINI}:generateContent", json=body)).is_success


@pytest.mark.parametrize(
    "dummy",
    [
        "skip_thought_signature_validator",
        "context_engineering_is_the_way_to_go",
        "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
    ],
)
async def test_the_documented_dummies_pass(bench: Bench, dummy: str) -> None:
    content = await called(bench)
    content["parts"][0]["thoughtSignature"] = dummy
    body = returned(content)
    assert (await bench.client.post(f"{GEMINI}:generateContent", json=body)).is_success


async def test_a_foreign_signature_is_invalid(bench: Bench) -> None:
    content = await called(bench)
    content["parts"][0]["thoughtSignature"] = "QUJD"
    response = await bench.client.post(f"{GEMINI}:generateContent", json=returned(content))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "Invalid thought signature."


async def test_a_signature_fits_no_other_part_and_no_other_model(bench: Bench) -> None:
    content = await called(bench)
    elsewhere = "/gemini/v1beta/models/gemini-3-pro-preview:generateContent"
    response = await bench.client.post(elsewhere, json=returned(content))
    assert response.json()["error"]["message"] == "Corrupted thought signature."
    content["parts"][0]["functionCall"]["args"] = {"city": "another"}
    response = await bench.client.post(f"{GEMINI}:generateContent", json=returned(content))
    assert response.json()["error"]["message"] == "Corrupted thought signature."


async def test_newer_models_name_their_calls_and_want_the_names_back(bench: Bench) -> None:
    content = await called(bench, model="gemini-3.6-flash")
    body = returned(content)
    path = "/gemini/v1beta/models/gemini-3.6-flash:generateContent"
    assert (await bench.client.post(path, json=body)).status_code == 400
    result = body["contents"][-1]["parts"][0]["functionResponse"]
    result["id"] = content["parts"][0]["functionCall"]["id"]
    assert (await bench.client.post(path, json=body)).is_success


# --- what is refused


@pytest.mark.parametrize("mime", ["image/gif", "image/svg+xml"])
async def test_unsupported_pictures_are_refused(bench: Bench, mime: str) -> None:
    picture = {"inlineData": {"mimeType": mime, "data": PNG}}
    body = {"contents": [{"role": "user", "parts": [picture]}]}
    response = await bench.client.post(f"{GEMINI}:generateContent", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("Unable to process input image")


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (
            "gemini-3-flash-preview",
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low", "thinkingBudget": 1}}},
            "only one of thinking budget and thinking level",
        ),
        (
            "gemini-3.8-flash",
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "minimal"}}},
            "MINIMAL is not supported",
        ),
        ("gemini-3.8-flash", {"generationConfig": {"candidateCount": 2}}, "candidate_count"),
        ("gemini-3-flash-preview", {"stream": True}, 'Unknown name "stream"'),
        (
            "gemini-3-flash-preview",
            {"generationConfig": {"max_tokens": 3}},
            "Unknown name \"max_tokens\" at 'generation_config'",
        ),
        ("gemini-3-flash-preview", {"contents": []}, "contents is not specified"),
        ("gemini-3-flash-preview", {"contents": [{"parts": []}]}, "parts must not be empty"),
        ("gemini-3-flash-preview", {"contents": [said("x", "assistant")]}, "valid role"),
        ("gemini-3.8-flash", {"contents": [said("x"), said("y", "model")]}, "trailing model turn"),
    ],
)
async def test_what_the_provider_refuses_is_refused(
    bench: Bench, model: str, fields: dict[str, Any], words: str
) -> None:
    body = {"contents": [said("hello")]} | fields
    path = f"/gemini/v1beta/models/{model}:generateContent"
    response = await bench.client.post(path, json=body)
    assert response.status_code == 400
    assert response.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert words in response.json()["error"]["message"]


async def test_a_result_for_every_call(bench: Bench) -> None:
    content = await called(bench, "weather and documents, parallel")
    response = await bench.client.post(f"{GEMINI}:generateContent", json=returned(content))
    assert response.status_code == 400
    assert "number of function response parts" in response.json()["error"]["message"]


async def test_more_than_the_window_is_refused_with_both_numbers(bench: Bench) -> None:
    bench.simulator.windows["gemini-3-flash-preview"] = 10
    response = await bench.ask("gemini", "x" * 44)
    assert response.json()["error"]["message"] == (
        "The input token count (11) exceeds the maximum number of tokens allowed (10)."
    )
    assert bench.simulator.bills[0].status == "failed"


async def test_without_a_key_google_says_403_and_with_a_bad_one_400(bench: Bench) -> None:
    path, body = f"{GEMINI}:generateContent", {"contents": [said("hello")]}
    del bench.client.headers["authorization"]
    assert (await bench.client.post(path, json=body)).status_code == 403
    bad = await bench.client.post(path, json=body, headers={"x-goog-api-key": "bad-key"})
    assert bad.status_code == 400
    assert bad.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert (await bench.client.post(f"{path}?key=abc", json=body)).is_success


async def test_a_body_of_the_wrong_shape_is_the_providers_400(bench: Bench) -> None:
    response = await bench.client.post(f"{GEMINI}:generateContent", json={"contents": ["text"]})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == 400


async def test_no_secret_is_remembered(bench: Bench) -> None:
    headers = {"x-goog-api-key": "hush-hush", "x-other": "seen"}
    body = {"contents": [said("hello")]}
    await bench.client.post(f"{GEMINI}:generateContent?key=hush-hush", json=body, headers=headers)
    [call] = bench.simulator.calls
    assert "hush-hush" not in repr(call)
    assert call.headers["x-other"] == "seen"
    assert call.body == body
    assert (call.upstream, call.model) == ("gemini", "gemini-3-flash-preview")
