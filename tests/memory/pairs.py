"""Pairs of questions that must not share an answer, and some that may; always the same ones."""

import random

from portico.memory.gate import Pair

THINGS = [
    "contrast",
    "padding",
    "shadow",
    "border",
    "opacity",
    "margin",
    "radius",
    "spacing",
    "weight",
    "blur",
]
WHERE = [
    "header",
    "sidebar",
    "footer",
    "dialog",
    "toolbar",
    "card",
    "table",
    "menu",
    "banner",
    "form",
]
OPPOSITE = [
    ("increase", "decrease"),
    ("show", "hide"),
    ("enable", "disable"),
    ("add", "remove"),
    ("expand", "collapse"),
    ("lighten", "darken"),
    ("lock", "unlock"),
    ("allow", "deny"),
]
FROM_TO = [
    ("React", "Vue"),
    ("px", "rem"),
    ("PNG", "WebP"),
    ("#ff0000", "#00ff00"),
    ("left", "right"),
]
FRAMES = [
    "{verb} the {thing} of the {where}",
    "How do I {verb} the {thing} of the {where}?",
    "Please {verb} the {thing} in our {where} on mobile",
]


def _base(source: random.Random) -> dict[str, str]:
    return {"thing": source.choice(THINGS), "where": source.choice(WHERE)}


def must_miss(count: int = 400) -> list[Pair]:
    """Return pairs that differ by polarity, a number, a swap, a negation, a version, a file."""
    source, pairs = random.Random(2), list[Pair]()
    for number in range(count):
        frame, said = source.choice(FRAMES), _base(source)
        plus, minus = source.choice(OPPOSITE)
        one, other = source.choice(FROM_TO)
        size = source.randrange(8, 64)
        base = frame.format(verb=plus, **said)
        kinds = [
            (base, frame.format(verb=minus, **said)),
            (f"{base} by {size}px", f"{base} by {size + 1}px"),
            (
                f"Convert this {said['where']} from {one} to {other}",
                f"Convert this {said['where']} from {other} to {one}",
            ),
            (f"Do {base}", f"Do not {base}"),
            (
                f"{base}. Don't touch the {said['thing']} token",
                f"{base}. Do touch the {said['thing']} token",
            ),
            (f"{base} for Postgres {size}", f"{base} for Postgres {size}.1"),
            (f"{base} in src/{said['where']}.tsx", f"{base} in src/{said['where']}.ts"),
            (f"{base} with #ff{size:04x}", f"{base} with #ff{size + 1:04x}"),
            (f"Does {said['where']} text pass AA?", f"Does {said['where']} text pass AAA?"),
            (f"{base} with animation", f"{base} without animation"),
        ]
        pairs.append(Pair(*kinds[number % len(kinds)], same=False))
    return pairs


def restatements(count: int = 120) -> list[Pair]:
    """Return pairs that ask for the same: with other manners, other marks, or other words."""
    source, pairs = random.Random(3), list[Pair]()
    for number in range(count):
        said = _base(source)
        verb = source.choice(OPPOSITE)[0]
        base = FRAMES[0].format(verb=verb, **said)
        kinds = [
            f"Please {base}.",
            f"Could you {base}, please?",
            base.upper() + "!",
            base.replace("the ", ""),
            f"I want the {said['where']} to have its {said['thing']} changed: {verb} it",
            f"The {said['thing']} of the {said['where']}: {verb} it",
        ]
        pairs.append(Pair(base, kinds[number % len(kinds)], same=True))
    return pairs
