from collections.abc import Callable

import pytest

from portico.chat.messages import Modality
from portico.routing.tiers import Breaker, Price, Target
from portico.settings import Settings, catalog, embeddings, load_settings

type Load = Callable[..., Settings]

CHAINS = {
    "design": ["gemini-3-flash", "deepseek-v3", "qwen3-coder", "qwen-vl"],
    "vision": ["gemini-3-flash", "qwen-vl"],
    "code": ["deepseek-v3", "qwen3-coder", "gemini-3-flash", "qwen-vl"],
    "devops": ["qwen3-coder", "deepseek-v3", "gemini-3-flash", "qwen-vl"],
    "background": ["deepseek-v3", "qwen3-coder", "qwen-vl", "gemini-3-flash"],
}


def test_the_built_in_roles_ask_in_the_lab_s_order() -> None:
    roles = catalog(load_settings(None, {})).roles
    assert {name: list(role.targets) for name, role in roles.items()} == CHAINS
    assert all(role.description for role in roles.values())


@pytest.mark.parametrize(
    ("role", "chain"),
    [("design", ["gemini-3-flash", "qwen-vl"]), ("code", ["gemini-3-flash", "qwen-vl"])],
)
def test_with_images_two_built_in_targets_can_see(role: str, chain: list[str]) -> None:
    built_in = catalog(load_settings(None, {}))
    seeing = [
        n for n in built_in.roles[role].targets if Modality.IMAGE in built_in.targets[n].accepts
    ]
    assert seeing == chain


def test_background_work_asks_no_tier_1_target_before_the_others() -> None:
    built_in = catalog(load_settings(None, {}))
    tiers = [built_in.targets[name].tier for name in built_in.roles["background"].targets]
    assert sorted(tier == 1 for tier in tiers) == [tier == 1 for tier in tiers]


def test_a_target_takes_path_and_simulation_from_its_upstream() -> None:
    target = catalog(load_settings(None, {"SILICONFLOW_API_KEY": "k"})).targets["gemini-3-flash"]
    assert target == Target(
        name="gemini-3-flash",
        upstream="google",
        model="gemini-3-flash-preview",
        tier=1,
        accepts=frozenset(Modality),
        features=frozenset({"tools", "json_schema", "json_object", "thinking"}),
        context_window=1_048_576,
        max_output=65_536,
        price=Price(0.50, 3.00, 0.05),
        boxes="gemini",
        egress="google",
        simulated=True,
        scarce=True,
    )


def test_a_target_s_breaker_changes_only_what_it_gives(load: Load) -> None:
    text = (
        "extends: builtin\nbreaker: {failures: 7, recovery: 2}\n"
        "targets: {qwen-vl: {breaker: {recovery: 9}}}\n"
    )
    targets = catalog(load(text)).targets
    assert targets["qwen-vl"].breaker == Breaker(7, 9.0, 30.0)
    assert targets["deepseek-v3"].breaker == Breaker(7, 2.0, 30.0)


def test_embedding_targets_are_not_among_those_who_chat(load: Load) -> None:
    text = (
        "extends: builtin\n"
        "targets: {bge: {upstream: siliconflow, model: BAAI/bge-m3, kind: embedding}}\n"
    )
    loaded = load(text)
    assert "bge" not in catalog(loaded).targets
    assert list(embeddings(loaded)) == ["bge-m3", "gemini-embedding", "bge"]
    assert catalog(loaded).embedders == embeddings(loaded)
    assert catalog(loaded).embedders["bge"].space == "simulated baai/bge-m3"


def test_a_snapshot_cannot_be_changed() -> None:
    snapshot = catalog(load_settings(None, {}))
    with pytest.raises(TypeError):
        snapshot.targets["x"] = snapshot.targets["qwen-vl"]  # type: ignore[index]


def test_the_version_follows_routing_and_nothing_else(load: Load) -> None:
    version = catalog(load_settings(None, {})).version
    assert version == catalog(load_settings(None, {})).version
    assert version == catalog(load("server: {drain: 1}")).version
    assert version != catalog(load_settings(None, {"GEMINI_API_KEY": "one"})).version
    assert version != catalog(load("breaker: {failures: 9}")).version
    one, two = ({"GEMINI_API_KEY": key} for key in ("one", "two"))
    assert catalog(load_settings(None, one)).version == catalog(load_settings(None, two)).version
