"""How a page is drawn: one set of templates, escaped by default, under one strict policy."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from portico.console.assets import Assets, load
from portico.console.words import FILTERS

SHEET = "app.css"
"""The sheet that stands in every page: the first sight of one waits for nothing else."""


def policy(sheet: bytes) -> str:
    """Return the policy of pages: nothing from elsewhere, nothing inline but that very sheet."""
    digest = b64encode(sha256(sheet).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'sha256-{digest}'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-frame-options": "DENY",
}

SCREENS = (
    ("now", "Now", "/console"),
    ("requests", "Requests", "/console/requests"),
    ("tiers", "Tiers", "/console/tiers"),
    ("try", "Try it", "/console/try"),
    ("designs", "Designs", "/console/designs"),
    ("people", "Keys and people", "/console/people"),
    ("egress", "Egress", "/console/egress"),
    ("settings", "Settings", "/console/settings"),
)


@dataclass(frozen=True, slots=True)
class Pages:
    """The templates, the files they link to, and the headers that hold a page together."""

    environment: Environment
    assets: Assets
    headers: Mapping[str, str]

    def drawn(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page *name* with *values* in it."""
        text = self.environment.get_template(f"{name}.html").render(values)
        return HTMLResponse(text, status, {"cache-control": "no-store"})


def open_pages() -> Pages:
    """Return the pages of this package."""
    assets = load()
    environment = Environment(
        loader=PackageLoader("portico.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= FILTERS
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False, indent=2)
    sheet = assets.files[SHEET].content
    environment.globals |= {
        "asset": assets.address,
        "screens": SCREENS,
        "sheet": Markup(sheet.decode()),  # our own file, and the policy knows its digest
    }
    return Pages(environment, assets, {**HEADERS, "content-security-policy": policy(sheet)})
