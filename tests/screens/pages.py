"""
The screens, as HTML: twelve kinds of page, each in several widths, themes and languages.

What counts as an element carries `data-e`, its type; `data-label` where it is called otherwise
than what is written on it. `scripts/draw_screens.py` draws them and takes the truth from there.
"""

from collections.abc import Callable
from html import escape
from pathlib import Path

from tests.screens.parts import Design, Text, bar, box, field, holding, pair, thing, ticked

STYLE = Path(__file__).with_name("pages.css")
ACCENTS = ("#1a63d8", "#0a7d4f", "#7a3fd0", "#b3261e")
DARK_ACCENTS = ("#3d8bff", "#2ea36f", "#a274f2", "#f0625a")


def _dashboard(text: Text) -> str:
    cards = [
        holding(
            "card",
            f"{place}: figures",
            thing("text", place, css="small muted"),
            thing("heading", text.money()),
            thing("text", f"+{text.chance.randrange(1, 40)} %", css="good"),
        )
        for place in text.words.places[1:5]
    ]
    bars = "".join(f'<i style="height:{text.chance.randrange(20, 150)}px"></i>' for _ in range(14))
    chart = f'<div data-e="chart" data-label="{text.words.places[2]}" class="chart">{bars}</div>'
    return bar(text) + box(
        "page",
        thing("heading", text.words.places[2]),
        box("grid", *cards),
        chart,
        _people(text),
    )


def _people(text: Text) -> str:
    names = text.some(text.words.names, text.rows)
    return box("lines", *[_person(text, name) for name in names])


def _person(text: Text, name: str) -> str:
    state = text.chance.randrange(4)
    return box(
        "line",
        thing("image", label=f"photo of {name}", css=f"face f{state}"),
        thing("text", name, css="wide"),
        thing("text", text.words.states[state], css=f"badge b{state}"),
        thing("text", text.money(), css="number"),
    )


def _form(text: Text) -> str:
    fields = [
        field(name, text.one(text.words.names) if at % 3 == 0 else "")
        for at, name in enumerate(text.words.fields)
    ]
    radios = [
        box("row", thing("radio", label=state, css="on" if not at else ""), thing("text", state))
        for at, state in enumerate(text.words.states[:3])
    ]
    return bar(text) + box(
        "page",
        thing("heading", text.words.places[6]),
        thing("text", text.one(text.words.sentences), css="muted"),
        box("grid", *fields),
        box("row", *radios),
        ticked(text.words.states[1], on=True),
        thing("select", text.one(text.words.things), label="choice"),
        pair(text),
    )


def _settings(text: Text) -> str:
    side = [
        thing("tab", place, css="on" if not at else "")
        for at, place in enumerate(text.words.places)
    ]
    rows = [
        box(
            "line",
            box("wide", thing("text", name), thing("text", told, css="small muted")),
            thing("switch", label=name, css="on" if text.chance.random() < 0.5 else ""),
        )
        for name, told in zip(
            text.words.fields, text.some(text.words.sentences, len(text.words.fields)), strict=True
        )
    ]
    volume = box(
        "line", thing("text", text.words.fields[7], css="wide"), thing("slider", label="volume")
    )
    return bar(text) + box(
        "split",
        box("side", *side),
        box(
            "page", thing("heading", text.words.places[4]), box("lines", *rows, volume), pair(text)
        ),
    )


def _table(text: Text) -> str:
    rows = [
        box(
            "line",
            thing("checkbox", label=f"row {at}", css="on" if at % 4 == 1 else ""),
            thing("link", f"№ {1000 + at * 7}"),
            thing("text", name, css="wide"),
            thing("text", text.words.states[at % 4], css=f"badge b{at % 4}"),
            thing("text", text.money(), css="number"),
        )
        for at, name in enumerate(text.some(text.words.names, text.rows + 6))
    ]
    tools = [thing("button", action, css="quiet") for action in text.some(text.words.actions, 3)]
    pages = [thing("button", str(at), css="quiet tiny") for at in range(1, 5)]
    return bar(text) + box(
        "page",
        thing("heading", text.words.places[1]),
        box(
            "row", *tools, thing("input", text.words.actions[8], label="search", css="short faint")
        ),
        box("lines", *rows),
        box("row", *pages),
    )


def _login(text: Text) -> str:
    return box(
        "middle",
        holding(
            "card",
            "sign in",
            thing("heading", text.words.app),
            thing("text", text.one(text.words.sentences), css="muted"),
            field(text.words.fields[1], "anna@example.com"),
            field(text.words.fields[3]),
            ticked(text.words.actions[0], on=False),
            thing("button", text.words.actions[6], css="broad"),
            thing("link", text.words.places[7]),
            css="sheet",
        ),
    )


def _list(text: Text) -> str:
    rows = [
        box(
            "line",
            thing("image", label=f"photo of {name}", css=f"face f{at % 4}"),
            box("wide", thing("text", name, css="strong"), thing("text", told, css="small muted")),
            thing("text", text.time(), css="small faint"),
        )
        for at, (name, told) in enumerate(
            zip(
                text.some(text.words.names, text.rows + 3),
                text.some(text.words.sentences, text.rows + 3),
                strict=True,
            )
        )
    ]
    tabs = [
        thing("tab", place, css="on" if not at else "")
        for at, place in enumerate(text.words.places[:4])
    ]
    return (
        box(
            "bar",
            thing("icon", label="menu", css="lines3"),
            thing("heading", text.words.places[5], css="wide"),
            thing("button", "+", label=text.words.actions[7], css="tiny"),
        )
        + box("lines flush", *rows)
        + box("tabs", *tabs)
    )


def _dialog(text: Text) -> str:
    behind = "".join(box("line ghost", escape(name)) for name in text.some(text.words.things, 12))
    one, other = text.some(text.words.actions, 2)
    return box(
        "middle",
        box("behind", behind),
        box("veil"),
        holding(
            "dialog",
            text.words.actions[4],
            box(
                "row",
                thing("heading", text.words.actions[4], css="wide"),
                thing("icon", label="close", css="cross"),
            ),
            *[thing("text", told) for told in text.some(text.words.sentences, 2)],
            field(text.words.fields[7]),
            ticked(text.words.states[0], on=True),
            box("row end", thing("button", other, css="quiet"), thing("button", one, css="danger")),
            css="sheet",
        ),
    )


_CODE = (
    "def total(rows: list[Row]) -> Decimal:",
    "    return sum(row.price for row in rows)",
    "    return sum(row.price * row.count for row in rows)",
    "",
    "class Basket:",
    "    def __init__(self) -> None:",
    "        self.rows: list[Row] = []",
    "    def add(self, row: Row, count: int = 1) -> None:",
    "        self.rows.append(replace(row, count=count))",
    "        self.changed.emit(len(self.rows))",
)


def _review(text: Text) -> str:
    lines = [
        box(
            "code" + (" gone" if at % 10 == 1 else " came" if at % 10 in (2, 9) else ""),
            thing("text", str(at + 1), css="mono faint count"),
            thing("text", line, css="mono") if line else "",
        )
        for at, line in enumerate(_CODE * 2)
    ]
    note = holding(
        "card",
        "comment",
        thing("text", text.one(text.words.names), css="strong"),
        thing("text", text.one(text.words.sentences)),
        thing("input", text.words.fields[7], label="reply", css="faint"),
        pair(text),
    )
    return bar(text) + box(
        "page",
        thing("heading", "basket.py"),
        box("lines", *lines[:12]),
        note,
        box("lines", *lines[12:]),
    )


def _shop(text: Text) -> str:
    goods = [
        holding(
            "card",
            f"{name} {at}",
            thing("image", label=f"picture of {name}", css=f"photo f{at % 4}"),
            thing("text", name, css="strong"),
            thing("text", text.money()),
            thing("button", text.words.actions[7]),
        )
        for at, name in enumerate(text.some(text.words.things, text.rows))
    ]
    filters = [ticked(state, on=not at) for at, state in enumerate(text.words.states)]
    hero = box(
        "hero",
        thing("heading", text.one(text.words.sentences)),
        thing("button", text.words.places[7], css="quiet"),
    )
    return bar(text) + box("page", hero, box("row", *filters), box("grid", *goods))


def _chat(text: Text) -> str:
    talk = [
        thing("text", told, css="bubble mine" if at % 2 else "bubble")
        for at, told in enumerate(text.some(text.words.sentences, text.rows + 2))
    ]
    side = [
        box(
            "line",
            thing("image", label=f"photo of {name}", css=f"face f{at % 4}"),
            thing("text", name),
        )
        for at, name in enumerate(text.words.names)
    ]
    write = box(
        "row",
        thing("input", text.words.fields[7], label="message", css="wide faint"),
        thing("button", text.words.actions[3]),
    )
    return bar(text) + box("split", box("side", *side), box("page", box("talk", *talk), write))


def _calendar(text: Text) -> str:
    head = [thing("text", day, css="small muted day") for day in text.words.days]
    cells = []
    for at in range(35):
        event = ""
        if text.chance.random() < 0.3:
            event = thing(
                "button", text.time(), label=f"{text.one(text.words.places)} {at}", css="event"
            )
        cells.append(box("cell", thing("text", str(at % 31 + 1), css="small"), event))
    return bar(text) + box(
        "page",
        box(
            "row",
            thing("icon", label="previous", css="left"),
            thing("heading", f"{text.words.places[0]} 2026"),
            thing("icon", label="next", css="right"),
        ),
        box("week", *head),
        box("week", *cells),
    )


def _mail(text: Text) -> str:
    rows = [
        box(
            "line",
            box("wide", thing("text", name, css="strong"), thing("text", told, css="small muted")),
            thing("text", text.time(), css="small"),
        )
        for name, told in zip(
            text.some(text.words.names, text.rows),
            text.some(text.words.sentences, text.rows),
            strict=True,
        )
    ]
    letter = [thing("text", told) for told in text.words.sentences]
    return bar(text) + box(
        "split",
        box("side broad", *rows),
        box(
            "page",
            thing("heading", text.words.sentences[4]),
            box(
                "row",
                thing("image", label="photo of sender", css="face f2"),
                thing("text", text.words.names[2]),
            ),
            *letter,
            thing("link", "report-2026.pdf"),
            pair(text),
        ),
    )


KINDS: dict[str, Callable[[Text], str]] = {
    "dashboard": _dashboard,
    "form": _form,
    "settings": _settings,
    "table": _table,
    "login": _login,
    "list": _list,
    "dialog": _dialog,
    "review": _review,
    "shop": _shop,
    "chat": _chat,
    "calendar": _calendar,
    "mail": _mail,
}


def _designs() -> list[Design]:
    """Every kind in every width; themes and languages take turns; three are long pages."""
    sizes = ((390, 844), (768, 1024), (1440, 900))
    long = {("shop", 1440): 28, ("list", 390): 40, ("dashboard", 768): 60}
    made = []
    for at, kind in enumerate(KINDS):
        for turn, (wide, high) in enumerate(sizes):
            theme = ("light", "dark")[(at + turn) % 2]
            language = ("en", "ru", "zh")[(at + turn + at // 3) % 3]
            rows = long.get((kind, wide), 6)
            made.append(Design(kind, wide, high, theme, language, rows))
    return made


DESIGNS = _designs()


def page(design: Design) -> str:
    """Return the whole page of *design*."""
    accents = DARK_ACCENTS if design.theme == "dark" else ACCENTS
    accent = accents[len(design.kind) % len(accents)]
    return (
        f'<!doctype html><html lang="{design.language}"><meta charset="utf-8">'
        f"<style>{STYLE.read_text()}:root{{--accent:{accent};--high:{design.high}px}}</style>"
        f'<body class="{design.theme} w{design.width}">{KINDS[design.kind](Text(design))}</body>'
    )
