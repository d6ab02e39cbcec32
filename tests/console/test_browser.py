"""The console in a real browser: nothing executes, nobody is shut out, everything is found."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from portico.wiring import keyring
from tests.console.browsing import Lived, living, page_of
from tests.serving import PNG

pytestmark = pytest.mark.timeout(180)

MARK = "data-xss"
CORPUS = (
    f"<script {MARK}>__hit('script')</script>",
    f"<img {MARK} src=x onerror=__hit('img')>",
    f"<svg {MARK} onload=__hit('svg')></svg>",
    f"\"><b {MARK} onmouseover=__hit('attribute')>b</b>",
    f"'><i {MARK}>i</i>",
    f"</textarea></title><script {MARK}>__hit('broken out')</script>",
    "javascript:__hit('address')",
    "{{ 7 * 7 }}{% raw %}{{ __hit }}",
    "${__hit('template')}`",
    f"<iframe {MARK} srcdoc='<script>parent.__hit(1)</script>'></iframe>",
    f"<details {MARK} open ontoggle=__hit('toggle')>d</details>",
    f"<math {MARK}><mtext><style><img src=x onerror=__hit('mathml')></style></mtext></math>",
    f"<!--><img {MARK} src=x onerror=__hit('comment')>-->",
    f"<form {MARK} action=//evil.example><button>go</button></form>",
    "\u202e<\u0000script>__hit('odd')</script>",
    f"<a {MARK} href='javascript:__hit(2)'>link</a>",
)
"""What somebody who is not the operator can put into the ledger, a name, or an answer."""

HEADERS = (
    *("x-owui-task", "traceparent", "x-openwebui-chat-id", "x-openwebui-message-id"),
    *("x-openwebui-user-email", "x-openwebui-user-name", "x-openwebui-user-id"),
)
"""Where a front end, or whoever plays one, puts words of their own."""


def chat(lived: Lived, text: Any, headers: dict[str, str] | None = None, **fields: Any) -> str:
    """Ask as anybody does; give the request's id."""
    body = {"model": "code", "messages": [{"role": "user", "content": text}], **fields}
    answer = httpx.post(
        f"{lived.lab.url}/v1/chat/completions",
        content=json.dumps(body),
        headers=headers,
        timeout=60,
        trust_env=False,
    )
    found: str = answer.headers["x-portico-request-id"]
    return found


def flush(lived: Lived) -> None:
    lived.do(lived.lab.serving.gateway.ledger.flush())
    lived.do(lived.lab.serving.archive.flush())


@pytest.fixture(scope="module")
def asked(lived: Lived) -> dict[str, str]:
    """Requests of every kind that a screen has to show."""
    picture = [
        {"type": "text", "text": "What is on it?"},
        {"type": "image_url", "image_url": {"url": PNG}},
    ]
    orders = f"{lived.lab.url}/api/targets/deepseek-v3"
    httpx.post(f"{orders}/off", trust_env=False).raise_for_status()
    found = {"failover": chat(lived, "hello"), "picture": chat(lived, picture, model="design")}
    httpx.post(f"{orders}/on", trust_env=False).raise_for_status()
    thumb = {"request_id": found["picture"], "rating": -1, "reason": "too slow"}
    httpx.post(f"{lived.lab.url}/v1/feedback", json=thumb, trust_env=False).raise_for_status()
    found["nobody"] = chat(lived, "hello", model="no-such-model")
    flush(lived)
    return found


def screens(asked: dict[str, str]) -> dict[str, str]:
    """Return every screen's address."""
    return {
        "now": "/console",
        "requests": "/console/requests",
        "none": "/console/requests?kind=region",
        "request": f"/console/requests/{asked['failover']}",
        "seen": f"/console/requests/{asked['picture']}",
        "nobody": f"/console/requests/{asked['nobody']}",
        "tiers": "/console/tiers",
        "try": "/console/try",
        "settings": "/console/settings",
        "people": "/console/people",
        "egress": "/console/egress",
        "designs": "/console/designs",
        "found": "/console/designs?text=on+it",
        "missing": "/console/nowhere",
    }


NAMES = list(screens({"failover": "", "picture": "", "nobody": ""}))


def assert_nothing_ran(page: Page) -> None:
    page.wait_for_timeout(40)
    assert page.evaluate("window.__hits") == []
    assert page.locator(f"[{MARK}]").count() == 0, "it was escaped, not only kept from running"


@pytest.fixture(scope="module")
def page(browser: Browser, lived: Lived) -> Iterator[Page]:
    with page_of(browser, lived.lab.url) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_screen_has_no_serious_fault_of_accessibility(
    browser: Browser, lived: Lived, asked: dict[str, str], name: str, theme: str
) -> None:
    with page_of(browser, lived.lab.url, theme) as page:
        page.goto(screens(asked)[name])
        page.wait_for_load_state("load")
        page.evaluate(
            "document.querySelectorAll('main details').forEach((one, at) => { one.open = at < 3; })"
        )
        found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], [node["html"][:160] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_fits_its_window(page: Page, asked: dict[str, str], name: str) -> None:
    page.goto(screens(asked)[name])
    try:
        for width in (360, 768, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture(scope="module")
def hostile(lived: Lived) -> list[str]:
    """Requests whose every word is somebody's who means harm; give their ids."""
    idents = []
    for payload in CORPUS:
        plain = payload.replace("\u0000", "")
        headers = dict.fromkeys(HEADERS, _ascii(plain))
        idents.append(chat(lived, f"SAY: {plain}", headers))
        idents.append(chat(lived, plain, model=plain))
    flush(lived)
    return idents


def test_nothing_that_anybody_sends_runs_in_a_list(page: Page, hostile: list[str]) -> None:
    for path in ("/console", "/console/requests"):
        page.goto(path)
        assert_nothing_ran(page)
        expect(page.locator("main")).to_contain_text("onerror=__hit")


@pytest.mark.parametrize("number", range(0, 2 * len(CORPUS), 8))
def test_nothing_that_anybody_sends_runs_on_its_page(
    page: Page, hostile: list[str], number: int
) -> None:
    for ident in hostile[number : number + 8]:
        page.goto(f"/console/requests/{ident}")
        expect(page.get_by_role("heading", name="Why this route")).to_be_visible()
        assert_nothing_ran(page)


def test_nothing_that_an_operator_writes_runs(page: Page, lived: Lived) -> None:
    names = ("gemini-3-flash", "qwen-vl", "deepseek-v3", "qwen3-coder")
    try:
        for first in range(0, len(CORPUS), len(names)):
            for name, why in zip(names, CORPUS[first:], strict=False):
                park(lived, name, {"why": why.replace("\u0000", "")})
            page.goto("/console/tiers")
            expect(page.locator("main")).to_contain_text("__hit")
            assert_nothing_ran(page)
    finally:
        for name in names:
            httpx.post(f"{lived.lab.url}/api/targets/{name}/unpark", trust_env=False)


def park(lived: Lived, name: str, body: dict[str, str]) -> None:
    address = f"{lived.lab.url}/api/targets/{name}/park"
    httpx.post(address, json=body, trust_env=False).raise_for_status()


@pytest.mark.parametrize("number", range(0, len(CORPUS), 4))
def test_nothing_that_an_address_holds_runs(page: Page, number: int) -> None:
    for payload in CORPUS[number : number + 4]:
        asked = {"said": payload, "role": payload, "kind": payload, "next": payload}
        query = httpx.QueryParams(asked)
        for path in ("/console", "/console/requests", "/console/tiers", "/console/login"):
            page.goto(f"{path}?{query}")
            assert_nothing_ran(page)
        page.goto(f"/console/requests/{quote(payload, safe='')}")
        assert_nothing_ran(page)


def test_the_name_of_a_file_is_only_a_name(page: Page, tmp_path: Path) -> None:
    page.goto("/console/try")
    name = "<img data-xss src=x onerror=__hit('name')>.png"
    page.get_by_label("A picture").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": _png()}
    )
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("article")).to_be_visible()
    expect(page.locator(".drop")).to_contain_text("onerror")
    assert_nothing_ran(page)


def test_a_hostile_picture_is_refused_and_shown_to_nobody(page: Page) -> None:
    drawing = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="__hit(1)">'
        b"<script>__hit(2)</script><rect width='9' height='9'/></svg>"
    )
    for kind, data in (
        ("image/svg+xml", drawing),
        ("image/png", b"<html><script>__hit(3)</script>"),
    ):
        page.goto("/console/try")
        page.get_by_label("A picture").set_input_files(
            {"name": "a.svg", "mimeType": kind, "buffer": data}
        )
        with page.expect_navigation():
            page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("article, [role=alert]").first).to_be_attached()
        assert_nothing_ran(page)


def test_nothing_that_a_model_answers_runs(page: Page) -> None:
    for payload in CORPUS:
        page.goto("/console/try")
        page.get_by_label("The question").fill(f"SAY: {payload}")
        page.get_by_label("auto", exact=True).uncheck()
        page.get_by_label(re.compile("deepseek-v3")).check()
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("article")).to_be_visible()
        assert_nothing_ran(page)


def test_the_live_view_shows_names_as_names(page: Page, lived: Lived) -> None:
    page.goto("/console")
    expect(page.locator("#live-state")).to_have_text("live")
    for payload in CORPUS:
        chat(lived, "hello", model=payload.replace("\u0000", ""))
    expect(page.locator("#live tbody")).to_contain_text("<!-->")
    assert_nothing_ran(page)


def test_a_page_of_somebody_elses_cannot_act(browser: Browser, lived: Lived) -> None:
    with page_of(browser, lived.lab.url) as page:
        page.goto("/console/tiers")
        page.goto("about:blank")
        page.set_content(
            f"<form method=post action='{lived.lab.url}/console/tiers/qwen-vl/park'>"
            "<input name=why value=evil><button>win a prize</button></form>"
        )
        page.get_by_role("button").click()
        page.wait_for_load_state()
        expect(page.get_by_role("alert")).to_contain_text("nothing was changed")
    assert "qwen-vl" not in lived.lab.serving.operating.orders.parked


def test_a_newcomer_finds_their_own_request_and_its_reason_in_three_clicks(
    browser: Browser, lived: Lived
) -> None:
    mine = chat(lived, "Refactor this function so that it can be tested", model="auto")
    flush(lived)
    with page_of(browser, lived.lab.url) as page:
        page.goto("/console")
        page.get_by_role("link", name="Requests", exact=True).click()  # 1
        page.locator("main tbody a").first.click()  # 2: the newest is mine
        expect(page.locator("main")).to_contain_text(mine)
        expect(page.get_by_role("heading", name="Why this route")).to_be_visible()
        expect(page.locator("main")).to_contain_text("auto chose code")


def test_a_picture_is_tried_and_its_route_is_explained(browser: Browser, lived: Lived) -> None:
    with page_of(browser, lived.lab.url) as page:
        page.goto("/console/try")
        page.get_by_label("the sample: a checkout page").check()
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("article h2")).to_have_text("auto → gemini-3-flash")
        expect(page.locator("article")).to_contain_text("SIMULATED")
        page.get_by_role("link", name="Why this route").click()
        expect(page.locator("main")).to_contain_text("only who can see was a candidate")
        picture = page.locator("figure img").first
        expect(picture).to_be_visible()
        picture.scroll_into_view_if_needed()
        page.locator("figure img").first.evaluate("picture => picture.decode()")


def test_a_tier_is_taken_down_and_the_timeline_tells(browser: Browser, lived: Lived) -> None:
    with page_of(browser, lived.lab.url) as page:
        page.goto("/console/tiers")
        row = page.locator("tbody tr", has=page.get_by_text("gemini-3-flash", exact=True))
        row.get_by_role("button", name="Switch off").click()
        expect(page.get_by_role("status")).to_contain_text("gemini-3-flash is down")
        try:
            page.goto("/console/try")
            page.get_by_label("the sample: a checkout page").check()
            page.get_by_role("button", name="Ask", exact=True).click()
            expect(page.locator("article h2")).to_have_text("auto → qwen-vl")
            page.get_by_role("link", name="Why this route").click()
            expect(page.locator(".timeline")).to_contain_text("failed: unavailable")
            expect(page.locator(".timeline")).to_contain_text("qwen-vl")
        finally:
            page.goto("/console/tiers")
            row.get_by_role("button", name="Switch on").click()
        expect(page.get_by_role("status")).to_contain_text("gemini-3-flash is up again")


def test_everything_is_done_by_keyboard_alone(browser: Browser, lived: Lived) -> None:
    with page_of(browser, lived.lab.url) as page:
        page.goto("/console")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        _tab_to(page, "Chains, parking, switches")
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/tiers")
        _tab_to(page, "Park")
        page.keyboard.press("Shift+Tab")
        page.keyboard.type("by keyboard")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("is parked")
        _tab_to(page, "Unpark")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("is asked again")


def _tab_to(page: Page, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(f"the keyboard does not reach {text!r}")


def test_the_theme_is_kept(browser: Browser, lived: Lived) -> None:
    with page_of(browser, lived.lab.url) as page:
        page.goto("/console")
        page.get_by_role("button", name="Light / dark").click()
        page.goto("/console/requests")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_an_answer_of_ten_megabytes_is_cut_and_said_to_be(browser: Browser, lived: Lived) -> None:
    large = "漢" * 3_500_000  # three bytes each, and fewer tokens than a window holds
    found = httpx.post(
        f"{lived.lab.url}/v1/chat/completions",
        json={
            "model": "gemini-3-flash",
            "messages": [{"role": "user", "content": f"SAY: {large}"}],
        },
        timeout=120,
        trust_env=False,
    )
    assert len(found.content) > 10_000_000
    flush(lived)
    lived.do(lived.lab.serving.traces.recorder.flush())
    with page_of(browser, lived.lab.url) as page:
        page.goto(f"/console/requests/{found.headers['x-portico-request-id']}")
        expect(page.get_by_role("heading", name="Why this route")).to_be_visible()
        expect(page.locator("main")).to_contain_text("漢漢漢")
        assert len(page.content()) < 400_000


def test_the_first_page_is_small_and_nothing_comes_from_elsewhere(
    browser: Browser, lived: Lived, asked: dict[str, str]
) -> None:
    taken: dict[str, int] = {}
    complaints: list[str] = []
    with page_of(browser, lived.lab.url) as page:
        page.on("console", lambda told: complaints.append(told.text))
        page.on("pageerror", lambda told: complaints.append(str(told)))

        def note(response: Any) -> None:
            if not response.url.endswith("/live"):
                taken[response.url] = len(response.body())

        page.on("response", note)
        page.goto("/console")
        expect(page.locator(".uplot")).to_have_count(4)
    assert complaints == []
    assert all(address.startswith(lived.lab.url) for address in taken)
    assert sum(taken.values()) <= 300_000, taken


def test_whoever_was_typing_when_the_session_ended_loses_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    with living(tmp_path) as lived:
        ring = keyring(tmp_path / "home")
        issued = lived.do(ring.issue("anna"))
        lived.lab.serving.gate.know(lived.do(ring.roster()))
        with page_of(browser, lived.lab.url) as page:
            page.goto("/console/try")
            page.get_by_label("Key of an administrator").fill(issued.text)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url("**/console/try")
            page.get_by_label("The question").fill("a long question that took a while")
            page.context.clear_cookies()
            page.get_by_role("button", name="Ask", exact=True).click()
            over = page.locator("[data-over]")
            expect(over).to_be_visible()
            expect(over).to_contain_text("nothing was sent")
            expect(page.get_by_label("The question")).to_have_value(
                "a long question that took a while"
            )
            with page.context.expect_page() as opened:
                over.get_by_role("link").click()
            login = opened.value
            login.get_by_label("Key of an administrator").fill(issued.text)
            login.get_by_role("button", name="Log in").click()
            login.wait_for_url("**/console")
            page.get_by_role("button", name="Ask", exact=True).click()
            expect(page.locator("[data-over], [role=alert]").first).to_be_attached()


def _ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode()[:60]


def _png() -> bytes:
    return b64decode(PNG.partition(",")[2])
