"""What must not be in a trace is masked, wherever it stands and however it is written."""

import json
import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portico.traces.redaction import _DATA, _FAMILIES, MASK, STEP, Redactor, replaced
from portico.traces.story import NotAsked, PictureTold, RouteTold, Story

KEY = "pk-" + "Ab3_-x9" * 6 + "Z"
SECRETS = {
    "our key": KEY,
    "openai": "sk-proj-0a1B2c3D4e5F6g7H",
    "google": "AIzaSyA1b2C3d4E5f6G7h8",
    "stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "slack": "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOHcbrzqgy",
    "hugging face": "hf_AbCdEfGhIjKlMnOpQrStUvWxYz",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "share link": "vless://b831381d-6324-4d53-ad4f-8cda48b30811@example.org:443?x=1",
}
PLACES = {
    "alone": "{}",
    "in words": "the key is {} and nobody else's",
    "after a colon": "key:{}",
    "on a line of its own": "first\n{}\nlast",
    "in an address": "https://example.org/?a={}&b=c",
    "in quotes": '"{}"',
    "after a tab": "\t{}",
}
SPOKEN = {
    "password": "password: hunter2!x",
    "in JSON": '{"password": "hunter2!x"}',
    "in JSON in JSON": json.dumps(json.dumps({"api_key": "hunter2!x"})),
    "bearer": "Authorization: Bearer hunter2!x",
    "basic": "Authorization: Basic hunter2!x",
    "user and password": "postgresql://user:hunter2!x@host/db",
    "environment": "export DB_PASSWORD='hunter2!x'",
    "cookie": "Cookie: session=hunter2!x",
    "query": "https://example.org/v1?key=hunter2!x",
    "access token": "access_token=hunter2!x",
}
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"
PLAIN = [
    "Refactor this function and say what it promises; keep its callers as they are.",
    "max_tokens is 4096, completion_tokens were 12, prompt_tokens 7",
    "https://example.org/a/path/with?query=1#part and mail@example.org",
    "the keyboard of the design system, the secretary, a passing test, cookies and tokens",
    "Ж漢 " * 40,
    "sha256:" + "0123456789abcdef" * 4,
    "task-force sk- pk- ask-me-anything",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_masked_by_its_looks(kind: str, place: str) -> None:
    redactor = Redactor()
    text = PLACES[place].format(SECRETS[kind])
    assert redactor.suspect(msgspec.json.encode(text))
    masked = redactor.text(text)
    assert SECRETS[kind] not in masked
    assert SECRETS[kind][8:16] not in masked
    assert MASK in masked
    assert redactor.masked >= 1


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_in_json_in_json_is_masked_though_an_escape_stands_before_it(kind: str) -> None:
    text = json.dumps({"arguments": json.dumps({"script": f"run\n{SECRETS[kind]}\nend"})})
    redactor = Redactor()
    assert redactor.suspect(text.encode())
    assert SECRETS[kind][8:16] not in redactor.text(text)


@pytest.mark.parametrize("how", SPOKEN)
def test_what_is_called_a_secret_is_masked(how: str) -> None:
    redactor = Redactor()
    assert redactor.suspect(msgspec.json.encode(SPOKEN[how]))
    assert "hunter2" not in redactor.text(SPOKEN[how])


def test_a_private_key_is_masked_whole_also_without_its_end() -> None:
    redactor = Redactor()
    assert redactor.suspect(msgspec.json.encode(PEM))
    assert redactor.text(f"see {PEM} there") == f"see {MASK} there"
    assert "MIIEow" not in redactor.text(PEM[:45])


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    redactor = Redactor()
    assert redactor.text(text) == text
    assert (redactor.masked, redactor.held) == (0, 0)


@pytest.mark.parametrize(
    "name",
    [
        *("password", "api_key", "apiKey", "API-KEY", "x-api-key", "client_secret", "Cookie"),
        *("authorization", "access_token", "openai_api_key", "aws_secret_access_key"),
        "private_key",
    ],
)
def test_a_member_with_a_telling_name_is_masked_whatever_it_holds(name: str) -> None:
    redactor = Redactor()
    told = {"tool": {name: "correct horse battery staple", "n": 1}}
    assert redactor.suspect(msgspec.json.encode(told))
    assert redactor.value(told) == {"tool": {name: MASK, "n": 1}}


def test_secrets_of_our_own_are_masked_as_they_are() -> None:
    redactor = Redactor(["plain-words", "plain-words-and-more", "short"])
    assert redactor.suspect(b'"xplain-wordsy"')
    assert redactor.text("xplain-wordsy plain-words-and-more short") == f"x{MASK}y {MASK} short"
    assert redactor.masked == 2


@pytest.mark.parametrize("alphabet", ["iVBORw0KGgo", "abc-_def", "a/b+c"])
def test_base64_is_left_out_and_its_size_told(alphabet: str) -> None:
    redactor = Redactor()
    run = (alphabet * 100)[:400]
    assert redactor.suspect(msgspec.json.encode(run))
    assert redactor.text(f"see {run} there") == "see [300 bytes] there"
    assert redactor.text(f"data:image/png;base64,{run}") == "data:image/png;base64,[300 bytes]"
    assert (redactor.masked, redactor.held) == (0, 2)


def test_base64_in_lines_is_left_out_too() -> None:
    lines = "\n".join(["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2"] * 5)
    redactor = Redactor()
    assert redactor.suspect(msgspec.json.encode(lines))
    assert "QUJD" not in redactor.text(f"begin\n{lines}\nend")


@pytest.mark.parametrize(
    "beginning", ["-eyJ", " eyJaaaaaaaaa", "a" * 59 + "\n", "?a-", "-----BEGIN A ", "://a@"]
)
def test_a_text_of_nothing_but_beginnings_is_looked_through_once(beginning: str) -> None:
    """Looked through once for each beginning, it would take minutes, and nobody else be served."""
    text = beginning * (600_000 // len(beginning))
    redactor = Redactor()
    redactor.text(text)
    assert redactor.masked == 0


def test_a_run_that_is_too_long_for_a_line_of_a_file_is_tried_once() -> None:
    text = "x" * 99 + "\n" + "x" * 76
    assert Redactor().text(text) == text


def test_a_token_after_what_only_begins_like_one_is_masked() -> None:
    redactor = Redactor()
    assert redactor.text(f"eyJnothing-eyJmore, {SECRETS['jwt']}") == f"eyJnothing-eyJmore, {MASK}"
    assert redactor.masked == 1


_FRAGMENTS = st.sampled_from(
    [*SECRETS.values(), *SPOKEN.values(), *PLAIN, PEM, "eyJ-", "password", "\n", " ", "=", "-", "?"]
)


@given(st.lists(_FRAGMENTS, max_size=12).map("".join), st.integers(1, 60))
def test_a_long_text_is_masked_in_steps_as_it_would_be_at_once(text: str, step: int) -> None:
    def by(found: re.Match[str]) -> str:
        return f"<{len(found[0])}>"

    for looks in (*(one for _, one in _FAMILIES), _DATA):
        in_steps = replaced(looks, by, text, step=step, reach=600)
        assert in_steps == looks.sub(by, text), looks.pattern


@given(st.text("abz ", max_size=40), st.integers(1, 4))
@example(" aa  ababz", 1)  # what begins behind the step is cut short, and hides behind a later one
@example("aa azzzzzzb", 1)  # it goes on behind the reach
def test_what_begins_in_one_step_and_ends_in_another_is_found_whole(text: str, step: int) -> None:
    looks = re.compile(r"a[^z]{0,5}z+|b")  # it has to see seven characters, and may find more

    def by(found: re.Match[str]) -> str:
        return f"<{found[0]}>"

    assert replaced(looks, by, text, step=step, reach=8) == looks.sub(by, text)


def test_a_secret_on_the_border_of_two_steps_is_masked() -> None:
    for shift in range(-60, 10):
        text = " " * (STEP + shift) + KEY + " " * STEP
        assert Redactor().text(text) == text.replace(KEY, MASK)


def test_what_is_nested_too_deeply_to_be_looked_into_is_left_out() -> None:
    deep: object = KEY
    for _ in range(900):
        deep = [deep]
    redactor = Redactor()
    assert KEY not in repr(redactor.value(deep))
    assert redactor.masked == 1


@given(st.text(max_size=40), st.sampled_from(sorted(SECRETS)), st.text(max_size=40))
def test_no_words_around_a_secret_save_it(before: str, kind: str, after: str) -> None:
    """Unless letters stand right before it: then it is another word."""
    text = f"{before} {SECRETS[kind]} {after}"
    redactor = Redactor()
    assert redactor.suspect(msgspec.json.encode(text))
    assert SECRETS[kind] not in redactor.text(text)


@given(st.recursive(st.text(max_size=30) | st.integers() | st.none(), st.lists, max_leaves=20))
def test_nothing_is_suspected_that_stays_as_it_is_and_nothing_changed_that_is_not(
    value: object,
) -> None:
    redactor = Redactor()
    if not redactor.suspect(msgspec.json.encode(value)):
        assert redactor.value(value) == value


def test_the_names_of_a_story_are_no_reason_to_look_into_it() -> None:
    """Or every trace would be opened and looked through, which costs more than all the rest."""
    route = RouteTold(
        role="code",
        decided_by=(),
        unsure=False,
        modalities=("text",),
        features=(),
        tokens=400,
        candidates=("deepseek-v3",),
        passed=(NotAsked("qwen-vl", "over the role's 1 attempts"),),
        resting={},
    )
    told = Story(route=route, request={"max_tokens": 5, "messages": []})
    assert not Redactor().suspect(msgspec.json.encode(told))
    assert Redactor().suspect(msgspec.json.encode({"passed": [{"password": "hunter2-hunter"}]}))


SUM = "0123456789abcdef" * 4


def test_a_story_with_a_picture_is_not_opened_for_what_refers_to_it_or_sums_it_up() -> None:
    url = "data:image/png;base64,picture:0"
    picture = PictureTold(place="messages[0].content[0]", ref="picture:0", sha256=SUM, pixels=SUM)
    told = Story(request={"messages": [{"url": url}]}, pictures=(picture,))
    redactor = Redactor()
    assert not redactor.suspect(msgspec.json.encode(told))
    assert redactor.value(url) == url


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64,iVBORw0KGgo",
        "data:image/png;base64,picture:x",
        f'he said "{SUM}"\n{SUM}',
        f"{SUM}\n{SUM}\n{SUM}",
        SUM + SUM,
    ],
)
def test_whatever_else_looks_like_a_file_is_suspected(text: str) -> None:
    assert Redactor().suspect(msgspec.json.encode({"said": text}))
