"""What a trace tells, as values: a story is one of these, written as JSON."""

from typing import Any

from msgspec import Struct

from portico.chat.reply import Usage


class Reason(Struct, frozen=True):
    """A reason for the role."""

    signal: str
    role: str
    weight: float


class NotAsked(Struct, frozen=True):
    """Who was not asked, and why."""

    target: str
    reason: str


class RouteTold(Struct, frozen=True, kw_only=True):
    """Why whom: what the request needed, who could be asked, who was passed over."""

    role: str
    decided_by: tuple[Reason, ...]
    unsure: bool
    modalities: tuple[str, ...]
    features: tuple[str, ...]
    tokens: int
    candidates: tuple[str, ...]
    passed: tuple[NotAsked, ...]
    resting: dict[str, str]


class AttemptTold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One call. `started` is in seconds since the request came in, `first_delta` since the call began.

    `request` is the body that was sent; `{"$ref": "#/request/messages"}` stands in it for messages
    that were the caller's word for word. `egress` is the path; where an answer came by a tunnel,
    `tunnel` says by which, `exit` and `exit_region` where that came out when it was last verified,
    `exit_age` seconds before.
    """

    id: str
    target: str
    upstream: str
    model: str
    tier: int
    egress: str
    simulated: bool
    started: float
    took: float
    outcome: str
    first_delta: float | None = None
    kind: str | None = None
    status: int | None = None
    detail: str = ""
    usage: Usage | None = None
    tunnel: str | None = None
    exit: str | None = None
    exit_region: str | None = None
    exit_age: float | None = None
    request: Any = None


class PictureTold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    A picture of the request, or with `target` what that was shown of it.

    `ref` is what stands for its bytes in the bodies. `recipe` makes what was shown of the original.
    """

    place: str
    type: str = ""
    bytes: int | None = None
    ref: str | None = None
    artifact: str | None = None
    sha256: str | None = None
    target: str | None = None
    width: int | None = None
    height: int | None = None
    part: str | None = None
    sheet: int | None = None
    recipe: str | None = None
    pixels: str | None = None


class CallTold(Struct, frozen=True):
    """A tool that the answer calls."""

    id: str
    name: str
    arguments: str


class ChoiceTold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer, as far as it came."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[CallTold, ...] = ()
    finish: str | None = None
    refusal: str = ""


class AnswerTold(Struct, frozen=True, kw_only=True):
    """What the caller was told; not `complete` where it broke off or they left."""

    choices: tuple[ChoiceTold, ...]
    usage: Usage | None
    complete: bool


class Apart(Struct, frozen=True):
    """Where among the blobs the whole story lies, and how long it is."""

    key: str
    bytes: int


class Story(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What a trace tells. What capture or bounds left out is not there, and `left_out` says so.

    `request` is the caller's body; a picture in it that is kept is `artifact:ID`. `overflow` is
    there where the whole story lies apart and could not be fetched.
    """

    headers: dict[str, str] = {}
    request: Any = None
    answer: AnswerTold | None = None
    route: RouteTold | None = None
    attempts: tuple[AttemptTold, ...] = ()
    pictures: tuple[PictureTold, ...] = ()
    left_out: tuple[str, ...] = ()
    overflow: Apart | None = None
