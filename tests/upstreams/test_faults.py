import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.clients import (
    ConnectFailed,
    ConnectionLost,
    EgressError,
    NotHTTP,
    TooLarge,
    TunnelDown,
)
from portico.routing.attempts import Kind
from portico.upstreams.faults import CARRIAGE, from_event, from_exception, from_status
from portico.upstreams.faults_complaint import DETAIL
from tests.upstreams.fault_bodies import (
    DAY,
    EXHAUSTED,
    NOW,
    PAGE,
    error,
    failed,
    flow,
    google,
    quota,
)

GEMINI = [
    (400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
     Kind.REGION),
    (400, google(400, "FAILED_PRECONDITION",
                 "User location is not supported for the API use without a billing account."),
     Kind.REGION),
    (400, google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
                 {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                  "domain": "googleapis.com"}), Kind.ACCOUNT),
    (400, google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
     Kind.ACCOUNT),
    (400, google(400, "INVALID_ARGUMENT",
                 "The input token count (1200000) exceeds the maximum number of tokens allowed "
                 "(1048576)."), Kind.TOO_LONG),
    (400, google(400, "INVALID_ARGUMENT",
                 "Function call is missing a thought_signature in functionCall parts."),
     Kind.TRANSLATION),
    (400, google(400, "INVALID_ARGUMENT", "Corrupted thought signature."), Kind.TRANSLATION),
    (400, google(400, "INVALID_ARGUMENT", "Unable to process input image."), Kind.REJECTED),
    (403, google(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), Kind.ACCOUNT),
    (404, google(404, "NOT_FOUND",
                 "models/gemini-2 is not found for API version v1beta, or is not supported for "
                 "generateContent."), Kind.MODEL_GONE),
    (429, google(429, EXHAUSTED, "Your prepayment credits are depleted."), Kind.ACCOUNT),
    (429, google(429, EXHAUSTED, "Your project has exceeded its monthly spending cap."),
     Kind.ACCOUNT),
    (499, google(499, "CANCELLED", "The operation was cancelled."), Kind.UNAVAILABLE),
    (500, google(500, "INTERNAL", "An internal error has occurred."), Kind.UNAVAILABLE),
    (503, google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
     Kind.UNAVAILABLE),
    (504, google(504, "DEADLINE_EXCEEDED", "The request timed out."), Kind.UNAVAILABLE),
    (503, [google(503, "UNAVAILABLE", "The model is overloaded.")], Kind.UNAVAILABLE),
]  # fmt: skip

SILICONFLOW = [
    (400, flow("Model does not exist. Please check it carefully.", 20012), Kind.MODEL_GONE),
    (400, flow("length of prompt_tokens (68957) must be less than max_seq_len (65536).", 20015),
     Kind.TOO_LONG),
    (400, flow("The parameter is invalid.", 20015), Kind.REJECTED),
    (400, flow("The model is not a VLM (Vision Language Model).", 20041), Kind.INCAPABLE),
    (400, flow("The content contains sensitive words"), Kind.REFUSED),
    (401, "Invalid token", Kind.ACCOUNT),
    (403, "Forbidden", Kind.ACCOUNT),
    (403, flow("Sorry, your account balance is insufficient", 30001), Kind.ACCOUNT),
    (403, flow("Model disabled.", 30003), Kind.MODEL_GONE),
    (403, flow("Request was rejected due to rate limiting. Details: RPM limit reached."),
     Kind.RATE_LIMITED),
    (404, b"404 page not found", Kind.ACCOUNT),
    (503, flow("Model service overloaded. Please try again later.", 50505), Kind.UNAVAILABLE),
    (503, flow("System is too busy now. Please try again later.", 50508), Kind.UNAVAILABLE),
    (504, b"upstream request timeout", Kind.UNAVAILABLE),
]  # fmt: skip

DEEPSEEK = [
    (400, error("The supported API model names are deepseek-flash, deepseek-v4-pro, but you "
                "passed deepseek-chat."), Kind.MODEL_GONE),
    (400, error("Model Not Exist"), Kind.MODEL_GONE),
    (400, error("This response_format type is unavailable now"), Kind.TRANSLATION),
    (400, error("The reasoning_content in the thinking mode must be passed back to the API."),
     Kind.TRANSLATION),
    (400, error("This model's maximum context length is 131072 tokens. However, you requested "
                "200000 tokens"), Kind.TOO_LONG),
    (400, error("Failed to deserialize the JSON body into the target type: messages[0]: unknown "
                "variant `image_url`, expected `text`"), Kind.INCAPABLE),
    (400, error("deepseek-v4-pro does not support this tool_choice"), Kind.INCAPABLE),
    (400, error("Content Exists Risk"), Kind.REFUSED),
    (401, error("Authentication Fails, Your api key: ****1234 is invalid", kind="x"), Kind.ACCOUNT),
    (402, error("Insufficient Balance", "invalid_request_error", "unknown_error"), Kind.ACCOUNT),
    (422, error("invalid temperature"), Kind.REJECTED),
    (503, error("Service is overloaded"), Kind.UNAVAILABLE),
]  # fmt: skip

DASHSCOPE = [
    (400, error("Access denied, your account is in arrears", "Arrearage", "Arrearage"),
     Kind.ACCOUNT),
    (400, error("Input data may contain inappropriate content.", "data_inspection_failed"),
     Kind.REFUSED),
    (400, error("<400> InternalError.Algo.InvalidParameter: Range of input length should be "
                "[1, 98304]", "invalid_parameter_error"), Kind.TOO_LONG),
    (400, error("Range of max_tokens should be [1, 8192]", "InvalidParameter"), Kind.REJECTED),
    (401, error("Incorrect API key provided.", "InvalidApiKey"), Kind.ACCOUNT),
    (403, error("Access denied.", "AccessDenied.Unpurchased"), Kind.ACCOUNT),
    (403, error("Model access denied.", "Model.AccessDenied"), Kind.MODEL_GONE),
    (404, error("The model `x` does not exist or you do not have access to it.", "ModelNotFound"),
     Kind.MODEL_GONE),
    (429, error("Requests rate limit exceeded", "limit_requests", "limit_requests"),
     Kind.RATE_LIMITED),
    (429, error("You exceeded your current quota", "insufficient_quota", "insufficient_quota"),
     Kind.RATE_LIMITED),
    (429, error("Request rate increased too quickly", "limit_burst_rate"), Kind.RATE_LIMITED),
    (429, error("Request quota for today exceeded", "limit_requests"), Kind.QUOTA_SPENT),
]  # fmt: skip

GENERIC = [
    (400, error("too long", "context_length_exceeded"), Kind.TOO_LONG),
    (400, error("prompt is too long: 250000 tokens > 200000 maximum"), Kind.TOO_LONG),
    (400, error("the request exceeds the available context size. try increasing it"),
     Kind.TOO_LONG),  # llama.cpp
    (400, error("The number of tokens to keep from the initial prompt is greater than the context "
                "length"), Kind.TOO_LONG),  # LM Studio
    (422, error("`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000"), Kind.TOO_LONG),
    (400, error("This model's maximum prompt length is 131072 but the request contains 140000 "
                "tokens."), Kind.TOO_LONG),  # xAI
    (400, error("Input is too long for requested model."), Kind.TOO_LONG),  # Bedrock
    (400, error("Your credit balance is too low to access the Anthropic API. Please go to Plans & "
                "Billing to upgrade or purchase credits."), Kind.ACCOUNT),
    (400, error("You are out of credits."), Kind.ACCOUNT),
    (400, error("image is too large, the input is empty"), Kind.REJECTED),
    (400, error("filtered", "content_filter"), Kind.REFUSED),
    (400, error("no", "content_policy_violation"), Kind.REFUSED),
    (403, error("Your input was flagged"), Kind.REFUSED),
    (400, error("This model does not support image input."), Kind.INCAPABLE),
    (404, error("No endpoints found that support image input"), Kind.INCAPABLE),
    (400, error("tools is not supported with this model"), Kind.INCAPABLE),
    (400, error("Tools are unsupported."), Kind.INCAPABLE),
    (400, error("Json mode is not supported for this model."), Kind.INCAPABLE),
    (400, error("Unrecognized request argument supplied: reasoning_effort"), Kind.INCAPABLE),
    (400, error("current model does not support parameter `enable_thinking`."), Kind.INCAPABLE),
    (400, error("The image format is not supported"), Kind.REJECTED),
    (400, error("For this model, `max_tokens` is deprecated"), Kind.REJECTED),
    (400, error("The model `llama2-70b` has been decommissioned", "model_decommissioned"),
     Kind.MODEL_GONE),
    (403, error("Project p does not have access to model x", "model_not_found"), Kind.MODEL_GONE),
    (404, error("Invalid URL (POST /v2/chat/completions)"), Kind.ACCOUNT),
    (404, {"message": "no Route matched with those values"}, Kind.ACCOUNT),
    (404, error("The model `gpt-5` does not exist", "model_not_found"), Kind.MODEL_GONE),
    (404, error("nothing here"), Kind.MODEL_GONE),
    (404, PAGE, Kind.ACCOUNT),
    (405, error("Method Not Allowed"), Kind.ACCOUNT),
    (401, error("Incorrect API key provided: sk-ab***yz", "invalid_api_key"), Kind.ACCOUNT),
    (402, error("more credits needed"), Kind.ACCOUNT),
    (403, error("Country, region, or territory not supported",
                "unsupported_country_region_territory"), Kind.REGION),
    (451, error("unavailable for legal reasons"), Kind.REGION),
    (407, b"proxy authentication required", Kind.REGION),
    (511, b"", Kind.REGION),
    (408, b"", Kind.SILENT),
    (410, b"", Kind.MODEL_GONE),
    (413, PAGE, Kind.INCAPABLE),
    (409, error("conflict"), Kind.REJECTED),
    (418, b"", Kind.REJECTED),
    (429, error("no money", "insufficient_quota", "insufficient_quota"), Kind.ACCOUNT),
    (429, b"slow down", Kind.RATE_LIMITED),
    (500, error("no context", "context_length_exceeded"), Kind.UNAVAILABLE),
    (503, error("no capacity", "insufficient_quota"), Kind.UNAVAILABLE),
    (502, PAGE, Kind.UNAVAILABLE),
    (524, b"", Kind.UNAVAILABLE),
    (529, error("Overloaded", kind="overloaded_error"), Kind.UNAVAILABLE),
    (400, PAGE, Kind.GARBLED),
    (422, {"detail": [{"loc": ["body", "n"], "msg": "must be 1", "input": "secret"}, 3,
                      {"loc": None}]}, Kind.REJECTED),
]  # fmt: skip

REAL = [
    *(("gemini", *case) for case in GEMINI),
    *(("siliconflow", *case) for case in SILICONFLOW),
    *(("deepseek", *case) for case in DEEPSEEK),
    *(("dashscope", *case) for case in DASHSCOPE),
    *(("generic", *case) for case in GENERIC),
]


@pytest.mark.parametrize(("flavour", "status", "body", "kind"), REAL)
def test_an_answer_is_told_by_status_structure_and_text(
    flavour: str, status: int, body: object, kind: Kind
) -> None:
    failure = failed(flavour, status, body)
    assert failure.kind is kind
    assert failure.status == status
    assert failure.detail


def test_the_table_of_kinds_is_covered_by_real_answers() -> None:
    carried = {kind for kind, _ in CARRIAGE.values()}
    assert {kind for *_, kind in REAL} | carried | {Kind.QUOTA_SPENT} == set(Kind)


@pytest.mark.parametrize(
    ("flavour", "body", "mend"),
    [
        ("gemini", GEMINI[5][1], "signatures"),
        ("deepseek", DEEPSEEK[3][1], "reasoning"),
        ("deepseek", DEEPSEEK[2][1], "json_schema"),
        ("generic", error("response_format 'json_schema' is not supported"), "json_schema"),
    ],
)
def test_a_translation_says_which_repair_it_needs(flavour: str, body: object, mend: str) -> None:
    failure = failed(flavour, 400, body)
    assert (failure.kind, failure.mend) == (Kind.TRANSLATION, mend)


def test_an_overloaded_server_may_say_when_to_come_back() -> None:
    assert failed("generic", 503, b"", {"retry-after": "9"}).delay == 9
    assert failed("generic", 400, error("x"), {"retry-after": "9"}).delay is None


def test_a_page_in_place_of_an_answer_blames_the_tunnel_where_there_is_one() -> None:
    direct, tunnelled = failed("gemini", 200, PAGE), failed("gemini", 200, PAGE, tunnelled=True)
    assert (direct.kind, tunnelled.kind) == (Kind.GARBLED, Kind.REGION)
    assert direct.detail == "a page: Sign in to the network"
    assert failed("gemini", 429, PAGE, tunnelled=True).kind is Kind.REGION
    assert failed("gemini", 403, PAGE, tunnelled=True).kind is Kind.REGION
    assert failed("gemini", 503, PAGE, tunnelled=True).kind is Kind.UNAVAILABLE
    assert failed("gemini", 302, b"", tunnelled=True).kind is Kind.REGION
    assert failed("gemini", 302, b"").kind is Kind.GARBLED
    assert failed("gemini", 200, b"\xef\xbb\xbf \n<html>").detail == (
        "an HTML page in place of an answer"
    )
    assert failed("gemini", 200, b"x<HTML>").kind is Kind.GARBLED


def test_what_answers_ok_without_an_answer_is_named_for_what_it_is() -> None:
    assert failed("generic", 200, b" \n").kind is Kind.UNAVAILABLE
    assert failed("generic", 200, b"hello", tunnelled=True).kind is Kind.GARBLED
    assert "hello" not in failed("generic", 200, b"hello").detail
    assert failed("generic", 200, {}).kind is Kind.GARBLED
    assert failed("generic", 200, [], tunnelled=True).kind is Kind.GARBLED
    assert failed("generic", 200, 3).kind is Kind.GARBLED


def test_an_error_under_a_status_of_success_is_an_error() -> None:
    failure = failed("siliconflow", 200, flow("Model service overloaded.", 50505))
    assert (failure.kind, failure.status) == (Kind.UNAVAILABLE, 200)
    failure = failed("gemini", 200, google(503, "UNAVAILABLE", "overloaded"))
    assert (failure.kind, failure.status) == (Kind.UNAVAILABLE, 503)


@pytest.mark.parametrize(
    ("flavour", "event", "kind", "status"),
    [
        ("siliconflow", flow("Model service overloaded.", 50505), Kind.UNAVAILABLE, None),
        ("siliconflow", flow("rate limiting. Details: TPM", 50602), Kind.RATE_LIMITED, None),
        ("siliconflow", flow("Model does not exist.", 20012), Kind.MODEL_GONE, None),
        ("siliconflow", flow("bad parameter", 20015), Kind.REJECTED, None),
        ("gemini", google(429, EXHAUSTED, "x", quota(DAY)), Kind.QUOTA_SPENT, 429),
        ("gemini", [google(503, "UNAVAILABLE", "overloaded")], Kind.UNAVAILABLE, 503),
        ("generic", {"error": {"message": "x", "code": "502"}}, Kind.UNAVAILABLE, 502),
        ("generic", {"error": {"message": "x", "code": 12}}, Kind.UNAVAILABLE, None),
        ("generic", error("boom", kind="server_error"), Kind.UNAVAILABLE, None),
        ("generic", error("x", kind="rate_limit_error"), Kind.RATE_LIMITED, None),
        ("generic", error("bad"), Kind.REJECTED, None),
        ("generic", {"error": "it broke"}, Kind.UNAVAILABLE, None),
        ("generic", error("x", "context_length_exceeded"), Kind.TOO_LONG, None),
    ],
)
def test_an_error_inside_a_stream_is_told_by_what_it_says(
    flavour: str, event: object, kind: Kind, status: int | None
) -> None:
    failure = from_event(flavour, json.dumps(event).encode(), now=NOW)
    assert (failure.kind, failure.status) == (kind, status)


def test_an_event_may_come_in_its_frame() -> None:
    assert failed("generic", 400, b'data: {"error":{"message":"bad"}}\n\n').detail == "bad"


def subclasses(base: type[Exception]) -> set[type[Exception]]:
    below = {base}
    for each in base.__subclasses__():
        below |= subclasses(each)
    return below


def test_every_way_in_which_bytes_can_fail_has_a_meaning_of_its_own() -> None:
    concrete = {
        kind for kind in subclasses(EgressError) if kind.__module__ == "portico.egress.clients"
    }
    assert concrete - {EgressError} <= set(CARRIAGE)
    assert len(concrete) == 7


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (ConnectFailed("refused"), Kind.UNREACHABLE),
        (TunnelDown("refused"), Kind.UNREACHABLE),
        (ConnectionLost("reset"), Kind.UNAVAILABLE),
        (NotHTTP("?"), Kind.GARBLED),
        (TooLarge("1 MB"), Kind.GARBLED),
        (TimeoutError(), Kind.SILENT),
        (ConnectionResetError(104, "reset"), Kind.UNREACHABLE),
        (OSError("no route"), Kind.UNREACHABLE),
        (EgressError("?"), Kind.UNAVAILABLE),
        (KeyError("?"), Kind.UNAVAILABLE),
    ],
)
def test_an_exception_means_how_far_the_bytes_got(exc: Exception, kind: Kind) -> None:
    failure = from_exception(exc)
    assert failure.kind is kind
    assert failure.status is None
    assert failure.detail


def test_a_lost_connection_says_so_and_shows_no_password_of_the_tunnel() -> None:
    failure = from_exception(ConnectionLost("socks5h://me:hunter2@10.0.0.1:1080 reset"))
    assert failure.detail == (
        "the connection was lost before the answer ended: socks5h://10.0.0.1:1080 reset"
    )
    assert from_exception(TimeoutError()).detail == "no answer in time"


@pytest.mark.parametrize(
    ("exc", "told"),
    [
        (ConnectFailed("no connection within 1 s"), "no connection within 1 s"),
        (ConnectFailed("refused"), "no connection: refused"),
        (ConnectionLost("the connection was lost midway"), "the connection was lost midway"),
        (NotHTTP("the answer is not HTTP: x"), "the answer is not HTTP: x"),
        (TooLarge("the answer is over 5 bytes"), "the answer is over 5 bytes"),
    ],
)
def test_what_an_exception_says_is_said_once(exc: Exception, told: str) -> None:
    assert from_exception(exc).detail == told


def test_an_answer_without_a_reason_says_so() -> None:
    assert failed("generic", 500, b"").detail == "the answer gives no reason (empty)"
    assert failed("generic", 500, {}).detail == "the answer gives no reason (json)"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "status", "details", "detail", "type",
                             "violations", "quotaId", "quotaValue", "retryDelay", "loc", "msg"]),
            inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
bodies = st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode())


@given(
    flavour=st.sampled_from(["gemini", "generic", "siliconflow", "deepseek", "dashscope", "new"]),
    status=st.integers(200, 599),
    body=bodies,
    header=st.text(max_size=30),
    tunnelled=st.booleans(),
)
def test_no_answer_can_break_the_reading(
    flavour: str, status: int, body: bytes, header: str, tunnelled: bool
) -> None:
    headers = {"retry-after": header, "x-ratelimit-reset": header}
    failure = from_status(flavour, status, headers, body, tunnelled=tunnelled, now=NOW)
    assert len(failure.detail) <= DETAIL
    assert "\n" not in failure.detail
    assert failure.delay is None or 0 <= failure.delay <= 86400
    assert (failure.until is not None) == (failure.kind is Kind.QUOTA_SPENT)
    assert bool(failure.mend) == (failure.kind is Kind.TRANSLATION)
    assert from_event(flavour, body, now=NOW).detail
