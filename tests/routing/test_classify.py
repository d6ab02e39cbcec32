"""`auto` finds the role, says why, and admits when it does not know."""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.chat.messages import FunctionSpec, Link, Message, Part, Tool
from portico.chat.request import ChatRequest
from portico.routing.classify import Decision, Signal, classify, is_task
from portico.routing.words import AMID_CODE, BLIND, SEEING, Lexicon

ROOT = Path(__file__).parents[2]
ROLES = ("design", "vision", "code", "devops", "background")
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def picture(text: str = "") -> Message:
    parts = [Part("text", text)] if text else []
    return Message("user", [*parts, Part("image_url", image_url=Link(PIXEL))])


def user(text: str) -> Message:
    return Message("user", text)


def asking(*messages: Message, tools: Iterable[str] = (), stream: bool = True) -> ChatRequest:
    offered = [Tool(FunctionSpec(name)) for name in tools]
    return ChatRequest(
        model="auto", messages=list(messages), fields={}, tools=offered or None, stream=stream
    )


def role_of(*messages: Message, tools: Iterable[str] = ()) -> str:
    return classify(asking(*messages, tools=tools), ROLES).role


@pytest.fixture(scope="module")
def evaluation() -> ModuleType:
    """The script behind `make eval`: what it prints is what is asserted here."""
    spec = importlib.util.spec_from_file_location("eval_roles", ROOT / "scripts" / "eval_roles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# The evaluation sets


def test_nine_of_ten_held_out_prompts_find_their_role(evaluation: ModuleType) -> None:
    score = evaluation.Score(evaluation.items("held-out"))
    assert score.accuracy >= 0.9
    assert score.macro_f1 >= 0.9


def test_the_sets_are_large_enough_and_share_neither_author_nor_topic(
    evaluation: ModuleType,
) -> None:
    held, tuning = evaluation.items("held-out"), evaluation.items("tuning")
    for role in ("design", "vision", "code", "devops"):
        assert sum(item.role == role for item in held) >= 55
        assert sum(item.role == role for item in [*held, *tuning]) >= 130
    assert not {item.author for item in held} & {item.author for item in tuning}
    assert not {item.topic for item in held} & {item.topic for item in tuning}
    assert sum(item.lang != "en" for item in held) * 3 >= len(held)
    ids = [item.id for item in [*held, *tuning]]
    assert len(ids) == len(set(ids))


def test_the_report_names_every_miss_with_what_misled(evaluation: ModuleType) -> None:
    item = evaluation.Item(
        id="odd", split="", author="a", topic="t", lang="en", role="vision", hard=False,
        image=False, prompt="Refactor this function", system="Be brief.",
    )  # fmt: skip
    score = evaluation.Score([item])
    assert score.accuracy == 0.0
    assert score.macro_f1 == 0.0
    assert any("odd: vision was wanted, code found" in line for line in evaluation.report(score))


# What must hold whatever the numbers


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (picture("UI critique with a screenshot"), "design"),
        (picture("what is in this screenshot?"), "vision"),
        (picture("Find the buttons and give their boxes"), "vision"),
        (picture("Найди все кнопки"), "vision"),
        (picture("这个界面怎么改进？"), "design"),
        (picture(), "vision"),
        (picture("Build this screen as a React component, code only"), "code"),
        (user("Refactor this function\n```python\ndef f(x):\n    return x\n```"), "code"),
        (user("diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b"), "code"),
        (
            user("Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'a'"),
            "code",
        ),
        (user("Nov 22 20:54:01 web1 systemd[1]: nginx.service: Failed with result"), "devops"),
        (user("FROM debian:12\nRUN apt-get update\nWORKDIR /app"), "devops"),
        (user("Write a docker-compose file for redis"), "devops"),
        (user("Which palette suits a tea shop's landing page?"), "design"),
        (user("Monolith or microservices for a team of four? Trade-offs please"), "design"),
    ],
)
def test_a_plain_case_goes_where_anyone_would_send_it(message: Message, role: str) -> None:
    assert role_of(message) == role


def test_a_log_with_a_stack_trace_in_it_is_still_a_log() -> None:
    log = (
        "2025-01-01T00:00:01Z ERROR boot failed\n"
        "Traceback (most recent call last):\n"
        '  File "/app/main.py", line 8, in <module>\n'
        "2025-01-01T00:00:02Z INFO container restarted\n"
    )
    assert role_of(user(log)) == "devops"


def test_css_inside_a_design_question_does_not_make_it_code() -> None:
    css = "```css\n.card {\n  padding: 4px;\n}\n```"
    assert role_of(user(f"Our cards feel cramped, improve the visual hierarchy\n{css}")) == "design"


def test_only_the_first_fence_counts_in_full() -> None:
    python, dockerfile = "```python\npass\n```", "```dockerfile\nUSER app\n```"
    assert role_of(user(f"{python}\n{dockerfile}")) == "code"
    assert role_of(user(f"{dockerfile}\n{python}")) == "devops"


def test_the_wish_is_found_behind_a_long_paste() -> None:
    paste = "lorem ipsum dolor " * 5000
    assert role_of(user(f"{paste}\nHow do I restart the docker container?")) == "devops"


def test_a_word_in_the_middle_tells_less_than_one_at_the_end() -> None:
    filler = "lorem ipsum " * 60
    assert role_of(user(f"{filler} kubernetes {filler} refactor")) == "code"


# A conversation has a memory


def test_a_short_follow_up_inherits_the_role_of_the_conversation() -> None:
    talk = [user("Write a bash script for the nightly backup"), Message("assistant", "Here.")]
    assert role_of(*talk, user("and the second one?")) == "devops"
    assert role_of(*talk, user("and for my class?")) == "devops"
    assert role_of(user("and for my class?")) == "code"


def test_a_new_subject_is_not_held_back_by_the_old_one() -> None:
    talk = [user("Write a bash script for the nightly backup"), Message("assistant", "Here.")]
    assert role_of(*talk, user("Now refactor this python function and its unit tests")) == "code"


def test_a_picture_seen_earlier_can_still_be_asked_about() -> None:
    talk = [picture("Find the buttons"), Message("assistant", "Two.")]
    assert role_of(*talk, user("return bounding boxes for the labels, too")) == "vision"


def test_without_any_picture_there_is_nothing_to_see() -> None:
    assert role_of(user("return the bounding boxes in the screenshot")) != "vision"


def test_the_assistants_code_keeps_a_vague_follow_up_with_code() -> None:
    answer = Message("assistant", "```python\ndef f():\n    return 1\n```")
    assert role_of(user("please"), answer, user("shorter")) == "code"


def test_a_system_prompt_decides_what_the_user_leaves_open() -> None:
    system = Message("system", "You are a senior DevOps engineer: docker, kubernetes, nginx.")
    assert role_of(system, user("ok, go ahead")) == "devops"
    assert role_of(system, user("Refactor this python function with recursion")) == "code"


def test_a_long_system_prompt_cannot_shout_the_user_down() -> None:
    shouting = Message("system", "docker kubernetes nginx systemd terraform ansible helm zfs lvm")
    assert role_of(shouting, user("Which typeface for a bakery?")) == "design"


def test_tools_tell_a_little_and_a_chat_uis_own_tell_nothing() -> None:
    vague = user("go on then")
    both = classify(asking(vague, tools=["edit_file", "run_shell"]), ROLES)
    assert (both.role, both.unsure) == ("code", False)
    assert role_of(vague, tools=["run_shell"]) == "devops"
    assert classify(asking(vague, tools=["search_web", "execute_code"]), ROLES).unsure


# Open WebUI


def test_the_task_header_means_background() -> None:
    request = ChatRequest(
        model="auto", messages=[user("refactor")], fields={}, task="title_generation"
    )
    assert classify(request, ROLES).role == "background"


def test_a_task_prompt_means_background_only_alone_and_not_streamed() -> None:
    task = user("### Task:\nGenerate a concise title for the docker chat")
    assert is_task(asking(task, stream=False))
    assert not is_task(asking(task, stream=True))
    assert not is_task(asking(task, Message("assistant", "x"), task, stream=False))
    assert not is_task(asking(user("What is a task?"), stream=False))


def test_a_catalog_without_background_classifies_the_task_like_anything_else() -> None:
    request = asking(user("### Task:\nSummarise these docker logs"), stream=False)
    assert classify(request, ("design", "devops")).role == "devops"


@pytest.mark.parametrize(
    "question",
    [
        "<context>docker logs</context>\n\nWrite a unit test for the parser function",
        "<user_query>Write a unit test for the parser function</user_query>\n"
        "<context>docker kubernetes nginx</context>",
    ],
)
def test_a_question_in_the_retrieval_template_is_a_persons(question: str) -> None:
    template = "### Task:\nRespond to the user query using the provided context\n"
    request = asking(user(template + question), stream=False)
    assert not is_task(request)
    assert classify(request, ROLES).role == "code"


def test_the_list_of_attached_files_is_not_the_question() -> None:
    files = '<attached_files>\n<file name="deploy.sh"/>\n</attached_files>\n\n'
    assert role_of(user(f"{files}Which typeface goes with this logo?")) == "design"
    assert role_of(picture(files)) == "vision"


# Doubt


def test_when_nothing_speaks_design_answers_and_says_so() -> None:
    decision = classify(asking(user("hello")), ROLES)
    assert decision == Decision("design", (Signal("unsure: nothing clear", "design", 0.0),), True)


def test_without_design_the_first_role_that_is_not_for_tasks_answers() -> None:
    assert classify(asking(user("hello")), ("background", "cooking", "code")).role == "cooking"
    assert classify(asking(user("hello")), ("background",)).role == "background"


def test_two_roles_too_close_go_to_the_more_capable_one_and_say_so() -> None:
    decision = classify(asking(user("kubernetes refactor")), ROLES)
    assert (decision.role, decision.unsure) == ("code", True)
    assert decision.decided_by[0].name == "unsure: code or devops"


def test_only_roles_of_the_catalog_are_chosen_or_named() -> None:
    decision = classify(asking(picture("find the buttons")), ("design", "code"))
    assert decision.role == "design"
    assert {signal.role for signal in decision.decided_by} <= {"design", "code"}


def test_reasons_come_strongest_first_and_are_sure_of_themselves() -> None:
    decision = classify(asking(user("Refactor this python function, it has a bug")), ROLES)
    weights = [signal.weight for signal in decision.decided_by]
    assert not decision.unsure
    assert weights == sorted(weights, reverse=True)
    assert "word refactor*" in {signal.name for signal in decision.decided_by}


def test_a_request_without_a_user_is_answered_all_the_same() -> None:
    assert classify(asking(Message("assistant", "Well?")), ROLES).unsure


# Promises of the tables


@pytest.mark.parametrize("lexicon", [BLIND, AMID_CODE, SEEING])
def test_every_word_of_the_vocabulary_can_be_met(lexicon: Lexicon) -> None:
    unheard = [
        entry
        for entry in lexicon.entries
        if entry not in lexicon.known(entry.removesuffix("*").replace("_", " "))
    ]
    assert not unheard


def test_no_reason_repeats_what_the_caller_wrote() -> None:
    secret = "hunter2xyz"
    text = f"Refactor {secret}() in /etc/{secret}.py\n```{secret}\n{secret}Error\n```"
    decision = classify(asking(user(text)), ROLES)
    assert len(decision.decided_by) > 2
    assert not any(secret in signal.name for signal in decision.decided_by)


pieces = st.one_of(
    st.text(),
    st.sampled_from(
        ["```", "```python\n", "\n", " ", "\t", "(", "[", "a.", "at a", "\\d+", "def f(", "<div",
         "### Task:\n", "### Task:\nRespond to the user query", "<context>", "<user_query>",
         "<attached_files>", "2025-01-01T00:00:00", "代码", "сервер", "1.1.1.1", " --x", "O(n"]
    ),
)  # fmt: skip


@given(st.lists(pieces, max_size=30).map("".join), st.booleans(), st.integers(1, 400))
def test_any_text_gets_a_role_of_the_catalog(text: str, seen: bool, times: int) -> None:
    message = picture(text * times) if seen else user(text * times)
    decision = classify(asking(message), ROLES)
    assert decision.role in ROLES
    assert all(signal.role in ROLES for signal in decision.decided_by)


@pytest.mark.parametrize(
    "unit",
    ["a", "\n", " ", "\t\n", "(", "[", "`", "```", "a_", "aA", "1.", "/a", " -", "x =", "class A ",
     "at a.b", "<div\n", "中", "ж", "<context>"],
)  # fmt: skip
def test_a_megabyte_of_anything_is_no_trap(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    for message in (user(text), picture(text), user(f"### Task:\nRespond to the user query{text}")):
        assert role_of(message) in ROLES


def test_a_turn_is_read_anew_where_a_picture_comes_or_came_with_it() -> None:
    """Readings are kept by their text: the same words beside a picture say something else."""
    words = "make the login button on this page larger"
    alone = classify(asking(user(words)), ROLES)
    seen = classify(asking(picture(words)), ROLES)
    after = classify(asking(picture(), user(words)), ROLES)

    assert len({alone.decided_by, seen.decided_by, after.decided_by}) == 3
    assert classify(asking(user(words)), ROLES) == alone
    assert classify(asking(picture(words)), ROLES) == seen
