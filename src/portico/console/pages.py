"""How a page is drawn: one set of templates, escaped by default, under one strict policy."""

import json
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from portico.console.assets import Assets, load
from portico.console.words import FILTERS

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing inline: no hash and no nonce that could be forgotten."""

HEADERS = {
    "content-security-policy": POLICY,
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
    """The templates and the files they link to."""

    environment: Environment
    assets: Assets

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
    environment.globals |= {"asset": assets.address, "screens": SCREENS}
    return Pages(environment, assets)
