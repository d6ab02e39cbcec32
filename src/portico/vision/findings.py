"""What an audit says of one element."""

from typing import Literal

from msgspec import Struct

type Verdict = Literal["pass", "fail", "needs_review"]


class Finding(Struct, frozen=True, kw_only=True):
    """One check of one element. `measured` and `required` are a ratio or CSS pixels."""

    element: str
    check: Literal["contrast", "target_size", "target_size_enhanced", "text_size"]
    criterion: str
    verdict: Verdict
    measured: float
    required: float
    detail: str = ""
