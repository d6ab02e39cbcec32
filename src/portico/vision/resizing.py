"""How the Qwen family resizes a picture before it looks at it."""

from math import ceil, floor, sqrt

FEWEST_TOKENS = 4
MOST_TOKENS = 16384
"""What the models come with; a server may be configured for fewer."""


def smart_resize(
    width: int, height: int, factor: int = 28, most_tokens: int = MOST_TOKENS
) -> tuple[int, int]:
    """
    Return the width and height the model really sees (qwen-vl-utils; upstream-wire §5).

    Both are multiples of *factor*; one token is *factor* × *factor* pixels. Rounding is Python's,
    half to even, as in the original.
    """
    wide, high = (max(round(side / factor), 1) * factor for side in (width, height))
    most, fewest = most_tokens * factor**2, FEWEST_TOKENS * factor**2
    if wide * high > most:
        shrink = sqrt(width * height / most)
        wide, high = (max(floor(side / shrink / factor), 1) * factor for side in (width, height))
    elif wide * high < fewest:
        grow = sqrt(fewest / (width * height))
        wide, high = (ceil(side * grow / factor) * factor for side in (width, height))
    return wide, high
