"""The last line of defence: masks what looks like a secret or a body."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.telemetry.redaction import MASK, redact

SECRETS = [
    "authorization: Bearer CANARYtoken",
    "Authorization: bearer CANARY",
    "authorization: Basic dXNlcjpDQU5BUlk=CANARY",
    '{"authorization": "Bearer CANARY"}',
    r"{\"authorization\": \"Bearer CANARY\"}",
    "sk-CANARY1234",
    "key sk-proj-CANARY_12-34, and more",
    "pk-CANARY1234",
    "AIzaSyCANARY0123456789",
    "x-goog-api-key: CANARY",
    "api_key=CANARY",
    '"apiKey": "CANARY"',
    "https://host/v1beta/models?key=CANARY&alt=sse",
    "https://host/v1beta/models?alt=sse&key=CANARY",
    "socks5h://user:CANARY@127.0.0.1:1081",
    "postgresql://CANARY@db/ledger",
    "password=CANARY",
    "eyJhbGciOiJIUzI1NiJ9.CANARYeyJzdWIi.CANARY",
    "vless://CANARY-0000@host:443?security=reality#name",
    "data:image/png;base64,CANARYiVBORw0KGgo=",
    "data:;base64,CANARY",
    "AKIACANARY0123456789",
    "ghp_CANARYabcdefghij0123",
    "github_pat_CANARYabcdefghij",
    "hf_CANARYabcdefghij",
    "xoxb-CANARY-0123456789",
    "export DB_PASSWD=CANARY",
    "Cookie: session=CANARY",
    'access_token: "CANARY"',
    "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY----- CANARY",
    "A" * 60 + "CANARY" + "A" * 60,
    "sk-abcdefgh/" + "A" * 60 + "CANARY" + "A" * 60,
    "A/b+" * 40 + "CANARY==",
]

HARMLESS = [
    "the task-management-tool answered in 3.5 s",
    "gemini-3-flash: rate_limited",
    "asiapacificregions are many; cookies, tokens: 12, max_tokens: 4096",
    "input_tokens=1234 output_tokens=99",
    "a basic answer, a secret ingredient",
    "019a2f3e-7b1c-7d00-8f3e-2b1a0c9d8e7f",
    "sha256 " + "0123456789abcdef" * 4,
    "/usr/lib/python3.12/site-packages/portico/upstreams/openai.py",
    "http://127.0.0.1:8000/v1/models",
    "Qwen/Qwen3-Coder-480B-A35B-Instruct",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "('{}',)", "\n{}\n"])
def test_a_secret_is_masked_wherever_it_stands(text: str, around: str) -> None:
    masked = redact(around.format(text))
    assert "CANARY" not in masked
    assert MASK in masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays_readable() -> None:
    masked = redact("asked https://host/models?key=abcdef&alt=sse with Bearer abcdef twice")
    assert masked == f"asked https://host/models?key={MASK}&alt=sse with Bearer {MASK} twice"


@given(st.text(), st.from_regex(re.compile(r"[A-Za-z0-9+/]{100,300}", re.ASCII), fullmatch=True))
def test_long_base64_never_survives(text: str, base64: str) -> None:
    assert base64 not in redact(f"{text} {base64} {text}")


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
