from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.chat.messages import Modality
from portico.chat.request import ChatBody, ChatRequest
from portico.errors import ModelNotFound
from portico.routing.choices import choose, decide
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Target

TARGETS = {name: Target(name, "lab", f"m/{name}") for name in ("gemini-3-flash", "qwen3-coder")}
ROLES = {
    name: Role(name, tuple(TARGETS))
    for name in ("design", "vision", "code", "devops", "background")
}
LAB = Catalog(TARGETS, ROLES)
BARE = Catalog(TARGETS, {"design": ROLES["design"]})
TITLE = "### Task:\nGenerate a concise, 3-5 word title for the chat."
RETRIEVED = "### Task:\nRespond to the user query using the provided context"


def request(
    model: str, content: str = "Hello", *, task: str | None = None, stream: bool = False
) -> ChatRequest:
    body = {"model": model, "messages": [{"role": "user", "content": content}], "stream": stream}
    return ChatRequest.of(msgspec.json.decode(msgspec.json.encode(body), type=ChatBody), {}, task)


def role(asked: ChatRequest, catalog: Catalog = LAB) -> str:
    return choose(asked, catalog).role.name


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_had_by_its_name(name: str) -> None:
    choice = choose(request(name), LAB)
    assert choice.role is ROLES[name]
    assert [signal.name for signal in choice.decided_by] == ["asked for by name"]
    assert not choice.unsure


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_had_by_its_name_and_nobody_else_is_asked(name: str) -> None:
    assert choose(request(name), LAB).role.targets == (name,)


def test_auto_chooses_a_role_by_what_is_asked() -> None:
    assert role(request("auto", "Refactor this function:\n```python\ndef f(): pass\n```")) == "code"
    assert role(request("auto", "Write a Dockerfile and check the docker compose logs")) == "devops"
    unsure = choose(request("auto", "hm"), LAB)
    assert (unsure.role.name, unsure.unsure) == ("design", True)


@pytest.mark.parametrize("model", ["auto", "design", "code", "gemini-3-flash", "no-such-model"])
def test_a_background_task_by_its_header_goes_to_the_background_for_any_name(model: str) -> None:
    asked = request(model, "anything", task="title_generation", stream=True)
    choice = choose(asked, LAB)
    assert choice.role.name == "background"
    assert choice.decided_by[0].name == "a chat UI's background task"


@pytest.mark.parametrize("model", ["auto", "design", "vision"])
def test_a_background_task_by_its_prompt_goes_to_the_background(model: str) -> None:
    assert role(request(model, TITLE)) == "background"


def test_a_prompt_alone_takes_nobody_away_from_the_target_that_was_asked() -> None:
    assert role(request("gemini-3-flash", TITLE)) == "gemini-3-flash"


@pytest.mark.parametrize(
    "asked", [request("design", TITLE, stream=True), request("design", RETRIEVED)]
)
def test_a_person_is_no_background_task(asked: ChatRequest) -> None:
    assert role(asked) == "design"


def test_without_a_background_role_tasks_are_ordinary_requests() -> None:
    assert role(request("design", TITLE, task="tags_generation"), BARE) == "design"
    assert role(request("gemini-3-flash", TITLE, task="x"), BARE) == "gemini-3-flash"
    assert role(request("auto", TITLE), BARE) == "design"


def test_the_background_itself_can_be_asked() -> None:
    choice = choose(request("background", TITLE), LAB)
    assert choice.decided_by[0].name == "asked for by name"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("gemini-3-flsh", "gemini-3-flash"),
        ("qwen3-code", "qwen3-coder"),
        ("desing", "design"),
        ("Auto", "auto"),
        ("x" * 100_000, None),
        ("", None),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(asked: str, meant: str | None) -> None:
    with pytest.raises(ModelNotFound) as refused:
        choose(request(asked), LAB)
    assert refused.value.param == "model"
    hint = f"Did you mean {meant!r}?" if meant else "There are: auto, design, vision"
    assert hint in str(refused.value)
    assert len(str(refused.value)) < 400


def test_auto_without_any_role_is_an_unknown_name() -> None:
    with pytest.raises(ModelNotFound):
        choose(request("auto"), Catalog(TARGETS, {}))


@given(st.text(max_size=20))
def test_any_name_leads_to_a_role_or_to_a_refusal(name: str) -> None:
    try:
        choice = choose(request(name), LAB)
    except ModelNotFound:
        assert name not in {"auto", *ROLES, *TARGETS}
    else:
        assert name in {"auto", *ROLES, *TARGETS}
        assert choice.decided_by


def test_a_decision_is_the_whole_route() -> None:
    route = decide(request("auto", "hm"), LAB, {})
    assert [one.name for one in route.candidates] == list(TARGETS)
    assert (route.role.name, route.unsure, bool(route.decided_by)) == ("design", True, True)
    assert route.needs.tokens == 1


BLIND = Target("blind", "lab", "m/blind", context_window=1000)
SEER = Target("seer", "lab", "m/seer", accepts=frozenset(Modality))
SHORT = Target("short", "lab", "m/short", context_window=100)
SPLIT = Catalog(
    {target.name: target for target in (BLIND, SEER, SHORT)},
    {
        name: Role(name, (target,))
        for name, target in {
            "design": "blind",
            "code": "blind",
            "background": "short",
            "devops": "blind",
            "drawing": "seer",
        }.items()
    },
)


def pictured(model: str, words: str, task: str | None = None) -> ChatRequest:
    parts = [
        {"type": "text", "text": words},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
    ]
    body = {"model": model, "messages": [{"role": "user", "content": parts}]}
    return ChatRequest.of(msgspec.json.decode(msgspec.json.encode(body), type=ChatBody), {}, task)


@pytest.mark.parametrize("words", ["Refactor this function", "hm", "docker compose logs"])
def test_auto_takes_another_role_where_nobody_of_the_best_can_take_the_request(words: str) -> None:
    route = decide(pictured("auto", words), SPLIT, {})
    assert (route.role.name, route.candidates) == ("drawing", (SEER,))
    assert "can take it" in route.decided_by[0].name
    assert len(route.decided_by) > 1


def test_who_asked_for_a_role_is_not_given_another() -> None:
    route = decide(pictured("code", "Refactor this"), SPLIT, {})
    assert (route.role.name, route.candidates) == ("code", ())


def test_where_nobody_at_all_can_take_it_the_first_choice_says_so() -> None:
    route = decide(request("auto", "word " * 2000, stream=True), without("drawing"), {})
    assert (route.role.name, route.candidates) == ("design", ())
    assert [one.too_small for one in route.passed] == [True]


def test_a_role_whose_targets_are_parked_is_not_replaced() -> None:
    parked = replace(SPLIT, parked={"blind": "maintenance"})
    assert decide(request("auto", "hm"), parked, {}).candidates == ()


@pytest.mark.parametrize(
    ("model", "taken"),
    [("auto", "seer"), ("drawing", "seer"), ("seer", "seer"), ("design", None), ("none", None)],
)
def test_a_background_task_that_the_background_cannot_take_goes_where_it_was_asked(
    model: str, taken: str | None
) -> None:
    route = decide(pictured(model, "Describe it in one word", "image_prompt_generation"), SPLIT, {})
    assert [one.name for one in route.candidates] == ([taken] if taken else [])


def without(name: str) -> Catalog:
    return replace(SPLIT, roles={one: SPLIT.roles[one] for one in SPLIT.roles if one != name})
