import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.chat.messages import Modality
from portico.chat.pictures import left_out
from portico.chat.request import ChatBody, ChatRequest
from portico.routing.roles import Catalog, Role
from portico.routing.routes import (
    PARKED,
    PICTURE_TOKENS,
    Needs,
    Route,
    Standing,
    Tiredness,
    needs,
    plan,
    tokens,
)
from portico.routing.tiers import Target

EYES = frozenset({Modality.TEXT, Modality.IMAGE})
PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}


def request(*messages: dict[str, object], **fields: object) -> ChatRequest:
    body = {"model": "auto", "messages": messages, **fields}
    return ChatRequest.of(msgspec.json.decode(msgspec.json.encode(body), type=ChatBody), {})


def said(role: str, *content: object, **fields: object) -> dict[str, object]:
    parts = [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]
    return {"role": role, "content": parts, **fields}


def target(name: str, *features: str, eyes: bool = False, window: int = 128_000) -> Target:
    accepts = EYES if eyes else frozenset({Modality.TEXT})
    return Target(
        name, "lab", "m", accepts=accepts, features=frozenset(features), context_window=window
    )


def routed(
    targets: list[Target], wanted: Needs | None = None, standing: Standing | None = None
) -> Route:
    catalog = Catalog({one.name: one for one in targets}, {})
    role = Role("role", tuple(one.name for one in targets))
    return plan(role, wanted or Needs(), catalog, standing or {})


def under(policy: str, asked: ChatRequest, last: int = 4) -> Needs:
    return needs(asked, left_out(asked.messages, policy, last))


def names(route: Route) -> list[str]:
    return [one.name for one in route.candidates]


def reasons(route: Route) -> dict[str, str]:
    return {passed.target.name: passed.reason for passed in route.passed}


# -- what a request needs


def test_words_need_a_target_that_reads_and_nothing_more() -> None:
    assert needs(request({"role": "user", "content": "hello"})) == Needs(tokens=1)


@pytest.mark.parametrize(
    ("part", "modality"),
    [
        (PICTURE, Modality.IMAGE),
        ({"type": "input_image", "image_url": "https://a.example/x.png"}, Modality.IMAGE),
        ({"type": "input_audio", "input_audio": {"data": "AA=="}}, Modality.AUDIO),
        ({"type": "audio_url", "audio_url": "https://a.example/x.mp3"}, Modality.AUDIO),
        ({"type": "video_url", "video_url": {"url": "https://a.example/x"}}, Modality.VIDEO),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}, "document"),
    ],
)
def test_a_part_needs_whoever_takes_its_kind(part: object, modality: str) -> None:
    assert needs(request(said("user", "see", part))).modalities == {Modality.TEXT, modality}


CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}


@pytest.mark.parametrize("place", range(4))
def test_a_picture_in_any_turn_needs_eyes(place: int) -> None:
    turns = [
        said("system", "be kind"),
        said("user", "first"),
        said("assistant", "yes"),
        said("user", "second"),
    ]
    turns[place]["content"] = [{"type": "text", "text": "x"}, PICTURE]
    assert Modality.IMAGE in needs(request(*turns)).modalities


def test_a_picture_in_the_result_of_a_tool_needs_eyes() -> None:
    turns = [
        said("user", "look"),
        {"role": "assistant", "tool_calls": [CALL]},
        said("tool", PICTURE, tool_call_id="c"),
    ]
    for policy in ("keep", "stub", "last_n"):
        wanted = under(policy, request(*turns))
        assert wanted.modalities == EYES
        assert wanted.features == {"tools"}


def test_pictures_of_earlier_turns_need_no_eyes_where_the_role_leaves_them_out() -> None:
    earlier = [said("user", "see", PICTURE), said("assistant", "a button")]
    asked = request(*earlier, said("user", "make it blue"))
    assert needs(asked).modalities == EYES
    assert under("stub", asked).modalities == {Modality.TEXT}
    assert under("last_n", asked, last=0).modalities == {Modality.TEXT}
    assert under("last_n", asked, last=1).modalities == EYES
    again = request(*earlier, said("user", "and this", PICTURE), said("user", "?"))
    assert under("stub", again).modalities == EYES


def test_a_prefilled_answer_belongs_to_the_turn_it_begins_to_answer() -> None:
    asked = request(said("user", "see", PICTURE), said("assistant", "{"))
    assert under("stub", asked).modalities == EYES
    assert needs(asked).features == {"prefill"}


def test_the_first_turn_is_the_whole_conversation() -> None:
    asked = request(said("system", PICTURE), said("user", "x"))
    assert under("stub", asked).modalities == EYES
    alone = request(said("assistant", "x", PICTURE))
    assert under("stub", alone).modalities == EYES


TOOL = {"type": "function", "function": {"name": "look"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}


@pytest.mark.parametrize(
    ("fields", "features"),
    [
        ({"tools": [TOOL]}, {"tools"}),
        ({"tools": []}, set()),
        ({"response_format": {"type": "text"}}, set()),
        ({"response_format": {"type": "json_object"}}, {"json_object"}),
        ({"response_format": SCHEMA, "tools": [TOOL]}, {"json_schema", "tools"}),
    ],
)
def test_what_is_asked_for_is_needed(fields: dict[str, object], features: set[str]) -> None:
    assert needs(request(said("user", "x"), **fields)).features == features


def test_a_call_that_the_assistant_ends_with_is_no_prefill() -> None:
    asked = request(said("user", "x"), {"role": "assistant", "tool_calls": [CALL]})
    assert needs(asked).features == {"tools"}


def test_tokens_are_a_lower_bound() -> None:
    asked = request(
        {"role": "system", "content": "x" * 100},
        said("user", "x" * 50, PICTURE, PICTURE),
        {"role": "assistant", "tool_calls": [CALL]},
    )
    assert tokens(asked) == 30 + 2 * PICTURE_TOKENS


# -- the plan


def test_the_written_order_is_the_order_of_asking() -> None:
    assert names(routed([target("c"), target("a"), target("b")])) == ["c", "a", "b"]


def test_nobody_who_cannot_take_the_request_is_a_candidate_at_any_hop() -> None:
    wanted = Needs(EYES, frozenset({"tools", "json_object"}), 500)
    route = routed(
        [
            target("blind", "tools", "json_object"),
            target("clumsy", eyes=True),
            target("small", "tools", "json_object", eyes=True, window=499),
            target("able", "tools", "json_object", eyes=True, window=500),
        ],
        wanted,
    )
    assert names(route) == ["able"]
    assert reasons(route) == {
        "blind": "does not accept image",
        "clumsy": "lacks json_object, tools",
        "small": "window of 499 tokens, needs 500 or more",
    }
    assert [passed.too_small for passed in route.passed] == [False, False, True]


def test_a_schema_can_be_told_to_whoever_writes_json() -> None:
    wanted = Needs(features=frozenset({"json_schema"}))
    route = routed([target("a", "json_object"), target("b", "json_schema"), target("c")], wanted)
    assert names(route) == ["a", "b"]


def test_json_without_a_schema_is_not_had_from_schemas_alone() -> None:
    route = routed([target("a", "json_schema")], Needs(features=frozenset({"json_object"})))
    assert names(route) == []


def test_a_prefill_goes_to_those_who_take_it() -> None:
    wanted = Needs(features=frozenset({"prefill"}))
    route = routed([target("a"), target("b", "prefill")], wanted)
    assert names(route) == ["b"]
    assert route.needs == wanted


def test_a_prefill_that_nobody_takes_is_an_ordinary_turn() -> None:
    route = routed([target("a"), target("b")], Needs(features=frozenset({"prefill"})))
    assert names(route) == ["a", "b"]
    assert route.needs == Needs()


def test_a_prefill_that_only_the_blind_take_does_not_keep_a_picture_from_those_who_see() -> None:
    wanted = Needs(EYES, frozenset({"prefill"}))
    route = routed([target("blind", "prefill"), target("seeing", eyes=True)], wanted)
    assert names(route) == ["seeing"]
    assert reasons(route) == {"blind": "does not accept image"}


def tired(
    until: float | None = 9.0, *, shut: bool = False, probing: bool = False, reason: str = "silent"
) -> Tiredness:
    return Tiredness(until, reason, shut, probing)


def test_who_rests_goes_to_the_back_and_who_is_probed_stays() -> None:
    standing = {"a": tired(), "b": tired(probing=True), "c": tired()}
    route = routed([target(name) for name in "abcd"], standing=standing)
    assert names(route) == ["b", "d", "a", "c"]
    assert route.standing == standing


def test_who_is_shut_is_left_out_while_anybody_else_lives() -> None:
    standing = {"a": tired(None, shut=True, reason="account"), "b": tired()}
    route = routed([target("a"), target("b")], standing=standing)
    assert names(route) == ["b"]
    assert reasons(route) == {"a": "resting: account"}


def test_with_nobody_else_left_even_the_shut_are_candidates() -> None:
    standing = {"a": tired(None, shut=True), "b": tired(None, shut=True)}
    route = routed([target("a"), target("b"), target("c", window=0)], Needs(tokens=1), standing)
    assert names(route) == ["a", "b"]
    assert list(reasons(route)) == ["c"]


def test_a_role_asks_no_more_than_its_attempts() -> None:
    one = [target(name) for name in "abc"]
    catalog = Catalog({t.name: t for t in one}, {})
    route = plan(Role("r", ("a", "b", "c"), max_attempts=2), Needs(), catalog, {"a": tired()})
    assert names(route) == ["b", "c"]
    assert reasons(route) == {"a": "over the role's 2 attempts"}


FEATURES = st.frozensets(st.sampled_from(["tools", "json_schema", "json_object", "prefill"]))
MODALITIES = st.frozensets(st.sampled_from(Modality)).map(lambda some: some | {Modality.TEXT})


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Role, Needs, Catalog, Standing]:
    found = {
        name: Target(
            name,
            "lab",
            "m",
            accepts=draw(MODALITIES),
            features=draw(FEATURES),
            context_window=draw(st.integers(0, 20)),
        )
        for name in "abcdef"[: draw(st.integers(1, 6))]
    }
    chain = draw(st.permutations(sorted(found)))[: draw(st.integers(1, 6))]
    standing = draw(
        st.dictionaries(
            st.sampled_from("abcdef"),
            st.builds(
                tired,
                st.none() | st.floats(0, 9),
                shut=st.booleans(),
                probing=st.booleans(),
            ).filter(lambda rest: not (rest.shut and rest.probing)),
        )
    )
    wanted = Needs(draw(MODALITIES), draw(FEATURES), draw(st.integers(0, 20)))
    role = Role("role", tuple(chain), max_attempts=draw(st.integers(1, 6)))
    return role, wanted, Catalog(found, {}), standing


@given(scenes())
def test_every_plan_keeps_its_promises(scene: tuple[Role, Needs, Catalog, Standing]) -> None:
    role, wanted, catalog, standing = scene
    route = plan(role, wanted, catalog, standing)
    assert route == plan(role, wanted, catalog, standing), "pure"

    everybody = [one.name for one in route.candidates] + [p.target.name for p in route.passed]
    assert sorted(everybody) == sorted(role.targets), "each is a candidate or passed over, once"
    assert len(route.candidates) <= role.max_attempts

    dropped = wanted.features - route.needs.features
    assert dropped <= {"prefill"}
    for one in route.candidates:
        assert wanted.modalities <= one.accepts
        assert wanted.tokens <= one.context_window
        for feature in route.needs.features:
            told = feature == "json_schema" and "json_object" in one.features
            assert feature in one.features or told

    def place(one: Target) -> tuple[int, int]:
        rest = standing.get(one.name)
        behind = 0 if rest is None or rest.probing else 2 if rest.shut else 1
        return behind, role.targets.index(one.name)

    order = [place(one) for one in route.candidates]
    assert order == sorted(order), "the written order, those who rest behind"
    assert len({behind == 2 for behind, _ in order}) <= 1, "the shut only among themselves"


def test_a_parked_target_is_never_a_candidate_also_where_nobody_else_is() -> None:
    targets = {name: target(name) for name in ("a", "b")}
    role = Role("code", ("a", "b"))
    one = Catalog(targets, {"code": role}, parked={"a": "why"})
    both = Catalog(targets, {"code": role}, parked={"a": "", "b": ""})

    route = plan(role, Needs(), one, {})
    assert [found.name for found in route.candidates] == ["b"]
    assert [(passed.target.name, passed.reason) for passed in route.passed] == [("a", PARKED)]
    assert plan(role, Needs(), both, {}).candidates == ()


# -- a path whose tunnels are down

DOWN = Tiredness(None, "unreachable", shut=True, path="google")
SPENT = Tiredness(None, "quota_spent", shut=True)
RESTING = Tiredness(9e9, "silent")


def tunnelled(on_down: str, name: str = "far") -> Target:
    return Target(name, "google", "m", egress="google", on_down=on_down)


def test_whose_tunnels_are_down_gives_way_and_the_route_says_so() -> None:
    route = routed([tunnelled("reroute"), target("near")], standing={"far": DOWN})
    assert (names(route), route.down) == (["near"], "google")
    assert "unreachable" in reasons(route)["far"]


def test_with_fail_it_gives_way_to_nobody() -> None:
    route = routed([tunnelled("fail"), target("near")], standing={"far": DOWN})
    assert (names(route), route.down) == ([], "google")
    assert set(reasons(route)) == {"far", "near"}


@pytest.mark.parametrize("on_down", ["reroute", "fail"])
@pytest.mark.parametrize("rest", [None, Tiredness(9e9, "silent", probing=True)])
def test_nothing_is_said_where_it_was_not_its_turn(on_down: str, rest: Tiredness | None) -> None:
    standing = {"far": DOWN} | ({"near": rest} if rest else {})
    route = routed([target("near"), tunnelled(on_down)], standing=standing)
    assert (names(route), route.down) == (["near"], "")


@pytest.mark.parametrize("rest", [SPENT, RESTING])
def test_it_is_its_turn_when_those_before_it_rest(rest: Tiredness) -> None:
    standing = {"far": DOWN, "near": rest}
    route = routed([target("near"), tunnelled("fail"), target("other")], standing=standing)
    assert (names(route), route.down) == ([], "google")


def test_where_nobody_else_is_left_it_is_asked_all_the_same() -> None:
    route = routed([tunnelled("reroute")], standing={"far": DOWN})
    assert (names(route), route.down) == (["far"], "")
