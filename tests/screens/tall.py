"""One tall page with many small labels: what a model can read of it tells how it was sent."""

import random

WIDE, HIGH = 1382, 12028
COUNT = 120
SIZES = (11, 12, 12, 12, 13, 13, 13, 14, 14, 16)
"""Font sizes in pixels, as often as interfaces have them."""
GROUNDS = ("#f3f5f7", "#e6eef8", "#eaf5ec", "#fdf3e4")


def page() -> str:
    """Return the page: numbered labels in bands of several heights, most of it plain."""
    chance = random.Random(COUNT)
    bands = "".join(
        f'<i style="top:{top}px;height:{chance.randrange(90, 300)}px;'
        f'background:{chance.choice(GROUNDS)}"></i>'
        for top in range(60, HIGH - 400, 430)
    )
    step = (HIGH - 60) / COUNT
    labels = "".join(
        f'<div data-e="text" style="top:{round(20 + at * step + chance.randrange(60))}px;'
        f"left:{chance.randrange(20, WIDE - 200)}px;"
        f'font-size:{SIZES[at % len(SIZES)]}px">Label {at + 1:03}</div>'
        for at in range(COUNT)
    )
    return (
        '<!doctype html><meta charset="utf-8"><style>'
        f"body{{margin:0;width:{WIDE}px;height:{HIGH}px;position:relative;background:#ffffff;"
        'color:#1f2328;font-family:"Noto Sans",sans-serif}'
        "div,i{position:absolute;white-space:nowrap;line-height:1.3}i{left:0;right:0}"
        f"</style><body>{bands}{labels}</body>"
    )
