"""From a request's needs to an ordered list of candidates."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from msgspec import Struct, field
from msgspec.structs import replace

from portico.chat.messages import Modality
from portico.chat.pictures import Place, modalities
from portico.chat.request import ChatRequest
from portico.routing.roles import Catalog, Role
from portico.routing.signals import Signal
from portico.routing.tiers import Target


@dataclass(frozen=True, slots=True)
class Tiredness:
    """
    Why a target rests. `until` is epoch seconds, None where only a person or a list ends it.

    `shut` targets (spent quota, account, model_gone) are left out while anyone else lives;
    `probing` ones are due for one probing request, in their usual place. Where `room` is given
    only a limit on tokens is near, and requests of up to that many tokens find no rest at all.
    `path` names the egress path whose tunnels are down, where that is why.
    """

    until: float | None
    reason: str
    shut: bool = False
    probing: bool = False
    detail: str = ""
    room: int | None = None
    path: str = ""

    def rests(self, tokens: int) -> bool:
        """Say whether there is a rest for a request of *tokens*; no request is of none."""
        return self.room is None or max(tokens, 1) > self.room


type Standing = Mapping[str, Tiredness]
"""Those who rest, by target name; usually empty."""


class Needs(Struct, frozen=True):
    """Everything whoever answers must be able to do. `tokens` is a careful lower bound."""

    modalities: frozenset[Modality] = frozenset({Modality.TEXT})
    features: frozenset[str] = frozenset()
    tokens: int = 0


class Passed(Struct, frozen=True):
    """A target that is not a candidate, and why."""

    target: Target
    reason: str
    too_small: bool = False


class Route(Struct, frozen=True):
    """
    Whom to ask, in order, and why the others were passed over.

    `down` names the egress path by which the first would have been asked, if its tunnels were not
    down: then it is others', or with `on_down: fail` nobody's turn.
    """

    role: Role
    needs: Needs
    candidates: tuple[Target, ...]
    passed: tuple[Passed, ...] = ()
    standing: Standing = field(default_factory=dict)
    decided_by: tuple[Signal, ...] = ()
    unsure: bool = False
    down: str = ""


def needs(request: ChatRequest, without: Collection[Place] = ()) -> Needs:
    """Return what *request* asks of a target that is sent all but the pictures in *without*."""
    wanted = frozenset(_features(request))
    return Needs(modalities(request.messages, without), wanted, tokens(request))


def _features(request: ChatRequest) -> list[str]:
    found: list[str] = []
    last = request.messages[-1]
    if last.role == "assistant" and not last.tool_calls:
        found.append("prefill")
    if request.tools or any(message.tool_calls for message in request.messages):
        found.append("tools")
    if request.response_format is not None and request.response_format.type != "text":
        found.append(request.response_format.type)
    return found


PARKED = "parked by an operator"

PICTURE_TOKENS = 256  # the least any provider of ours counts for a picture worth sending


def tokens(request: ChatRequest) -> int:
    """
    Return a lower bound of the prompt's tokens, so that nobody is refused who would fit.

    No tokenizer of ours packs more than five characters of running text into a token on average;
    a provider that counts more says `too_long`, and only larger windows are asked then.
    """
    size = pictures = 0
    for message in request.messages:
        if isinstance(message.content, str):
            size += len(message.content)
            continue
        for part in message.content or ():
            size += len(part.text or "")
            pictures += part.modality is Modality.IMAGE
    return -(-size // 5) + pictures * PICTURE_TOKENS


def plan(role: Role, wanted: Needs, catalog: Catalog, standing: Standing) -> Route:
    """
    Return whom to ask for *role*, in the order that is written there.

    A target that cannot take everything in *wanted* is never a candidate, at any hop. A resting
    target goes to the back, unless it is due for a probing request; a shut one is left out while
    anyone else lives, a parked one always. What a limit on tokens still has room for is not held
    up by it. Where the turn is somebody's whose tunnels are down, and whose path then fails, there
    are no candidates.
    """
    standing = {name: rest for name, rest in standing.items() if rest.rests(wanted.tokens)}
    chain = [catalog.targets[name] for name in role.targets]
    targets = [target for target in chain if target.name not in catalog.parked]
    wanted = _possible(wanted, targets)
    passed = [Passed(target, PARKED) for target in chain if target.name in catalog.parked]
    able: list[Target] = []
    for target in targets:
        unable = _unable(target, wanted)
        if unable is None:
            able.append(target)
        else:
            passed.append(unable)
    kept = _kept_away(able, standing)
    if kept is not None and kept.on_down == "fail":
        passed += [Passed(target, f"the egress path {kept.egress} is down") for target in able]
        return Route(role, wanted, (), tuple(passed), standing, down=kept.egress)
    candidates, shut = _order(able, standing)
    passed += [Passed(target, f"resting: {standing[target.name].reason}") for target in shut]
    if len(candidates) > role.max_attempts:
        over = f"over the role's {role.max_attempts} attempts"
        passed += [Passed(target, over) for target in candidates[role.max_attempts :]]
    down = kept.egress if kept is not None and kept not in candidates else ""
    asked = tuple(candidates[: role.max_attempts])
    return Route(role, wanted, asked, tuple(passed), standing, down=down)


def _kept_away(able: list[Target], standing: Standing) -> Target | None:
    """Return whose turn it would be, if only their tunnels were not down."""
    for target in able:
        rest = standing.get(target.name)
        if rest is None or rest.probing:
            return None
        if rest.path:
            return target
    return None


def _possible(wanted: Needs, targets: list[Target]) -> Needs:
    """Where nobody takes the prefill and all the rest, it is an ordinary turn: most continue it."""
    if "prefill" not in wanted.features or any(_unable(t, wanted) is None for t in targets):
        return wanted
    return replace(wanted, features=wanted.features - {"prefill"})


def _unable(target: Target, wanted: Needs) -> Passed | None:
    if (
        wanted.modalities <= target.accepts
        and wanted.features <= target.features
        and wanted.tokens <= target.context_window
    ):
        return None  # as nearly always, and in a fraction of the time
    if blind := wanted.modalities - target.accepts:
        return Passed(target, f"does not accept {', '.join(sorted(blind))}")
    if lacking := {f for f in wanted.features if not _offers(target, f)}:
        return Passed(target, f"lacks {', '.join(sorted(lacking))}")
    if wanted.tokens > target.context_window:
        reason = f"window of {target.context_window} tokens, needs {wanted.tokens} or more"
        return Passed(target, reason, too_small=True)
    return None


def _offers(target: Target, feature: str) -> bool:
    """A target with json_object can be told a schema: its dialect translates (wire §2.3)."""
    if feature == "json_schema":
        return bool(target.features & {"json_schema", "json_object"})
    return feature in target.features


def _order(able: list[Target], standing: Standing) -> tuple[list[Target], list[Target]]:
    """Return candidates in order of asking, and those left out."""
    if not standing:
        return able, []
    fresh: list[Target] = []
    tired: list[Target] = []
    shut: list[Target] = []
    for target in able:
        rest = standing.get(target.name)
        if rest is None or rest.probing:
            fresh.append(target)
        elif rest.shut:
            shut.append(target)
        else:
            tired.append(target)
    if fresh or tired:
        return fresh + tired, shut
    return shut, []
