"""What a rehearsal keeps of an installation, and what must not leave the machine."""

from pathlib import Path

import yaml

from portico.settings import Settings, load_settings
from portico.settings.effective import values
from portico.settings.rehearsal import KEY, LEAST, MOST, moved, rehearsal

GIVEN = {
    "upstreams": {
        "google": {
            "dialect": "gemini",
            "api_key": "a-real-key",
            "headers": {"x-org": "a-real-secret"},
            "egress": "tunnel",
        },
        "again": {"dialect": "gemini", "api_key": "another-real-key", "egress": "tunnel"},
        "claude": {"dialect": "litellm", "provider": "anthropic", "api_key": "a-third"},
    },
    "targets": {
        "one": {"upstream": "google", "model": "m", "patience": {"first_delta": 30, "idle": 1}},
        "two": {"upstream": "again", "model": "m", "price": {"input": 1, "output": 2}},
        "three": {"upstream": "claude", "model": "m", "patience": {"total": 900}},
    },
    "roles": {"code": {"targets": ["one", "two"], "hedge_after": 2, "rescue": "off"}},
    "egress": {"tunnel": {"kind": "tunnel", "via": ["socks5h://127.0.0.1:1081"]}},
    "stores": {"ledger": "sqlite:////srv/portico/ledger.db"},
}
STAGES = {"google": "http://sim/g", "again": "http://sim/g", "claude": "http://sim/o"}


def given(folder: Path) -> Settings:
    file = folder / "portico.yaml"
    file.write_text(yaml.safe_dump(GIVEN))
    return load_settings(file, {})


def rehearsed(folder: Path) -> Settings:
    return rehearsal(given(folder), STAGES, folder)


def test_no_key_no_header_and_no_address_of_the_installation_is_left(tmp_path: Path) -> None:
    found = rehearsed(tmp_path)
    for name, upstream in found.upstreams.items():
        assert upstream.api_key.get_secret_value() == KEY
        assert upstream.address == STAGES[name]
        assert (upstream.headers, upstream.egress, upstream.simulated) == ({}, "direct", False)
    assert set(found.egress) == {"direct"}
    dumped = repr(found.model_dump())
    assert "real" not in dumped.replace(str(tmp_path), "")


def test_every_store_is_in_the_folder(tmp_path: Path) -> None:
    stores = rehearsed(tmp_path).stores
    assert stores.shared is None, "a rehearsal counts for itself"
    for name in type(stores).model_fields.keys() - {"retry", "shared"}:
        assert str(tmp_path) in getattr(stores, name).get_secret_value()


def test_roles_prices_and_orders_stay(tmp_path: Path) -> None:
    before, after = given(tmp_path), rehearsed(tmp_path)
    assert after.roles["code"].targets == ("one", "two")
    assert after.roles["code"].rescue == "off"
    assert after.targets["two"].price == before.targets["two"].price
    assert after.breaker == before.breaker


def test_patience_is_shortened_but_not_beyond_what_a_busy_machine_needs(tmp_path: Path) -> None:
    found = rehearsed(tmp_path)
    assert found.targets["one"].patience.first_delta == 30 / 20
    assert found.targets["one"].patience.idle == LEAST
    assert found.targets["three"].patience.total == MOST
    assert found.roles["code"].hedge_after == 2 / 20


def test_two_targets_that_would_be_one_are_told_apart(tmp_path: Path) -> None:
    targets = rehearsed(tmp_path).targets
    assert [targets[name].model for name in ("one", "two", "three")] == ["m--one", "m--two", "m"]


def test_what_only_litellm_knows_speaks_openais_dialect(tmp_path: Path) -> None:
    claude = rehearsed(tmp_path).upstreams["claude"]
    assert (claude.dialect, claude.provider) == ("openai", None)


def test_a_target_can_be_moved_alone(tmp_path: Path) -> None:
    before = rehearsed(tmp_path)
    after = moved(before, "one", "http://nowhere")
    place = after.upstreams[after.targets["one"].upstream]
    assert place.address == "http://nowhere"
    assert after.upstreams["google"] == before.upstreams["google"]
    assert after.targets["two"] == before.targets["two"]


def test_a_rehearsal_is_a_configuration_like_any_other(tmp_path: Path) -> None:
    assert values(rehearsed(tmp_path))["targets"]["one"]["model"] == "m--one"
