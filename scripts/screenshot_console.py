"""Draw every screen of the console in both themes into docs/console/: a gateway, and a browser."""

import argparse
import io
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

import httpx
from benchmarks.painting import CHROMIUM, browsing
from PIL import Image
from tests.console.browsing import MISSING, Lived, living, page_of
from tests.console.conftest import BARE

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "docs/console"
WIDE, NARROW = (1280, 800), (360, 740)
MOST = 1_800
"""Pixels of a picture's height: what is below is cut."""

WHO = {"x-openwebui-user-email": "anna@lab.example", "x-openwebui-chat-id": "a-chat"}
ASKED = (
    ("auto", "Refactor this function so that it can be tested: def total(rows): ..."),
    ("auto", "docker.service: Failed with result 'oom-kill'. Why does it keep dying?"),
    ("design", "Is this hierarchy clear? Headline, price, button, footnote."),
    ("code", "Why is this loop slow?"),
    ("devops", "Write a compose file for Postgres with a health check."),
    ("background", "Name this chat in five words."),
)


def seeded(lived: Lived) -> dict[str, str]:
    """Ask what the pictures show; give the address of every screen."""
    client = httpx.Client(base_url=lived.lab.url, trust_env=False, timeout=60)
    sample = ROOT / "src/portico/console/static/sample.png"
    artifact = client.post(
        "/v1/artifacts", files={"file": ("checkout.png", sample.read_bytes(), "image/png")}
    ).json()
    parts = [
        {"type": "text", "text": "Critique this screen: hierarchy, spacing, contrast."},
        {"type": "image_url", "image_url": {"url": artifact["id"]}},
    ]

    def ask(model: str, content: object) -> str:
        body = {"model": model, "messages": [{"role": "user", "content": content}]}
        answer = client.post("/v1/chat/completions", json=body, headers=WHO)
        return answer.headers["x-portico-request-id"]

    anna = {"name": "Anna", "terms": {"usd_per_day": "5", "usd_per_month": "40"}}
    client.put("/api/people/anna@lab.example", json=anna).raise_for_status()
    for _ in range(3):
        for model, text in ASKED:
            ask(model, text)
            time.sleep(0.05)
    client.post("/api/targets/gemini-3-flash/off").raise_for_status()
    pictured = ask("auto", parts)
    client.post("/api/targets/gemini-3-flash/on").raise_for_status()
    thumb = {"request_id": pictured, "rating": 1, "reason": "accurate_information"}
    client.post("/v1/feedback", json=thumb).raise_for_status()
    ask("no-such-model", "hello")
    lived.do(lived.lab.serving.gateway.ledger.flush())
    lived.do(lived.lab.serving.archive.flush())
    return {
        "now": "/console",
        "requests": "/console/requests",
        "request": f"/console/requests/{pictured}",
        "tiers": "/console/tiers",
        "try": "/console/try",
        "designs": "/console/designs",
        "people": "/console/people",
        "egress": "/console/egress",
        "settings": "/console/settings",
    }


def main() -> int:
    """Draw them; `--narrow` as on a telephone, into a folder of one's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=PLACE)
    parser.add_argument("--narrow", action="store_true")
    parser.add_argument("--only", action="append")
    given = parser.parse_args()
    if not CHROMIUM.exists():
        print(MISSING)
        return 1
    into = given.into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),  # the file's name is shown, and nobody's folders
        living(Path(), **BARE) as lived,
        browsing() as browser,
    ):
        screens = seeded(lived)
        for theme in ("light", "dark"):
            size = NARROW if given.narrow else WIDE
            with page_of(browser, lived.lab.url, theme, size) as page:
                for name, path in screens.items():
                    if given.only and name not in given.only:
                        continue
                    if not (answer := page.goto(path)) or answer.status != 200:
                        print(f"{name}: not there")
                        continue
                    if name == "try":
                        page.get_by_label("the sample: a checkout page").check()
                        page.get_by_label("qwen-vl").check()
                        page.get_by_role("button", name="Ask", exact=True).click()
                        page.locator("article").first.wait_for()
                    if name == "tiers":
                        page.get_by_label("A request to try it with").fill(ASKED[0][1])
                        page.get_by_role("button", name="gemini-3-flash down").click()
                    page.evaluate("scrollTo(0, 0)")
                    page.wait_for_timeout(3_000)  # charts, thumbnails
                    keep(page.screenshot(full_page=True), into / f"{name}-{theme}.png")
    return 0


def keep(shot: bytes, file: Path) -> None:
    """Write a picture small: a few hundred colours do for a screen."""
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, MOST)))
    image.quantize(224, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
