"""What kinds of element there are: the words that models use, and ours."""

import re
from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "button": "button btn cta fab submit pushbutton",
    "link": "link anchor hyperlink",
    "input": "input textbox textfield textarea searchbox field entry",
    "checkbox": "checkbox",
    "radio": "radio radiobutton",
    "switch": "switch toggle",
    "slider": "slider range",
    "select": "select dropdown combobox picker",
    "tab": "tab",
    "menu": "menu menuitem menubar hamburger",
    "icon": "icon glyph symbol",
    "image": "image picture photo avatar logo illustration thumbnail img",
    "heading": "heading title headline header h1 h2 h3",
    "text": "text label paragraph caption statictext copy",
    "card": "card tile panel",
    "dialog": "dialog modal popup popover",
    "list": "list listitem",
    "table": "table grid",
    "navigation": "navigation nav navbar sidebar toolbar breadcrumb",
    "chart": "chart graph plot",
    "progress": "progress progressbar spinner loader",
}
"""Our types, and the words that mean them."""

OTHER = "other"
INTERACTIVE = frozenset(
    {"button", "link", "input", "checkbox", "radio", "switch", "slider", "select", "tab", "menu"}
)
INERT = frozenset({"image", "heading", "text", "chart", "progress"})
_MEANT = {word: kind for kind, words in WORDS.items() for word in words.split()}
_WORD = re.compile(r"[a-z0-9]+")


def kind_of(*told: str) -> str:
    """
    Return the type that the first telling one of *told* names, else `other`.

    In a phrase the last word counts: a "search icon button" is a button.
    """
    for phrase in told:
        words = _WORD.findall(phrase.lower())
        if "".join(words) in _MEANT:
            return _MEANT["".join(words)]
        for word in reversed(words):
            if found := _MEANT.get(word) or _MEANT.get(word.removesuffix("s")):
                return found
    return OTHER


def is_interactive(kind: str) -> bool | None:
    """Return whether elements of that type are, or None where the type does not tell."""
    if kind in INTERACTIVE:
        return True
    return False if kind in INERT else None
