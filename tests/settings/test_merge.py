from portico.settings.merge import merge

BUILTIN = {
    "upstreams": {"u": {"dialect": "gemini", "api_key": "k"}, "v": {"dialect": "openai"}},
    "targets": {
        "a": {"upstream": "u", "price": {"input": 1, "output": 2}, "accepts": ["text"]},
        "b": {"upstream": "v"},
    },
    "roles": {"r": {"targets": ["a", "b"]}, "s": {"targets": ["b"]}},
    "egress": {"direct": {"kind": "direct"}, "t": {"kind": "tunnel", "via": ["x"]}},
    "stores": {"ledger": "l", "traces": "t"},
}


def test_nothing_over_the_built_in_catalog_is_the_built_in_catalog() -> None:
    merged = merge(BUILTIN, {})
    assert merged.tree == BUILTIN
    assert merged.left_out == ()


def test_a_given_section_replaces_the_built_in_one() -> None:
    tree = merge(BUILTIN, {"targets": {"c": {"upstream": "u"}}, "roles": {}}).tree
    assert tree["targets"] == {"c": {"upstream": "u"}}
    assert tree["roles"] == {}
    assert tree["upstreams"] == BUILTIN["upstreams"]


def test_other_sections_are_merged_key_by_key() -> None:
    assert merge(BUILTIN, {"stores": {"traces": "m"}}).tree["stores"] == {
        "ledger": "l",
        "traces": "m",
    }


def test_built_in_roles_keep_the_targets_that_exist_and_vanish_without_any() -> None:
    merged = merge(BUILTIN, {"targets": {"a": {"upstream": "u"}}})
    assert merged.tree["roles"] == {"r": {"targets": ["a"]}}
    assert merged.left_out == (("roles", "s"),)


def test_built_in_targets_go_with_their_upstream() -> None:
    merged = merge(BUILTIN, {"upstreams": {"v": {}}})
    assert list(merged.tree["targets"]) == ["b"]
    assert merged.tree["roles"] == {"r": {"targets": ["b"]}, "s": {"targets": ["b"]}}
    assert merged.left_out == (("targets", "a"),)


def test_a_path_is_given_its_proxies_or_its_tunnels_and_not_both() -> None:
    file = {"extends": "builtin", "egress": {"t": {"tunnels": "f"}}}
    assert merge(BUILTIN, file).tree["egress"]["t"] == {"kind": "tunnel", "tunnels": "f"}
    under = BUILTIN | {"egress": {"t": {"kind": "tunnel", "tunnels": "f"}}}
    file = {"extends": "builtin", "egress": {"t": {"via": ["y"]}}}
    assert merge(under, file).tree["egress"]["t"] == {"kind": "tunnel", "via": ["y"]}


def test_a_role_of_the_file_may_borrow_a_built_in_target() -> None:
    file = {"targets": {"c": {"upstream": "u"}}, "roles": {"r": {"targets": ["c", "b", "x"]}}}
    merged = merge(BUILTIN, file)
    assert merged.tree["targets"] == {"c": {"upstream": "u"}, "b": {"upstream": "v"}}
    assert merged.tree["roles"] == file["roles"]
    assert merged.borrowed == (("targets", "b"),)


def test_nothing_is_borrowed_from_an_upstream_that_is_gone() -> None:
    file = {"upstreams": {"u": {}}, "targets": {}, "roles": {"r": {"targets": ["b"]}}}
    assert merge(BUILTIN, file).tree["targets"] == {}


def test_a_role_of_the_file_is_never_pruned() -> None:
    roles = {"r": {"targets": ["nobody"]}}
    assert merge(BUILTIN, {"targets": {}, "roles": roles}).tree["roles"] == roles


def test_extending_merges_field_by_field_and_replaces_lists() -> None:
    change = {"a": {"price": {"input": 9}, "accepts": ["text", "image"]}}
    tree = merge(BUILTIN, {"extends": "builtin", "targets": change}).tree
    assert tree["targets"]["a"] == {
        "upstream": "u",
        "price": {"input": 9, "output": 2},
        "accepts": ["text", "image"],
    }
    assert tree["targets"]["b"] == {"upstream": "v"}


def test_an_entry_that_changes_its_nature_starts_afresh() -> None:
    change = {
        "extends": "builtin",
        "egress": {"t": {"kind": "direct"}},
        "upstreams": {"u": {"dialect": "openai"}},
    }
    tree = merge(BUILTIN, change).tree
    assert tree["egress"]["t"] == {"kind": "direct"}
    assert tree["upstreams"]["u"] == {"dialect": "openai"}


def test_the_direct_path_always_exists() -> None:
    tree = merge(BUILTIN, {"egress": {"t": {"kind": "tunnel"}}}).tree
    assert tree["egress"] == {"direct": {"kind": "direct"}, "t": {"kind": "tunnel"}}


def test_malformed_sections_pass_through_for_others_to_refuse() -> None:
    for wrong in (None, [], "text", 3):
        file = dict.fromkeys(BUILTIN, wrong)
        assert merge(BUILTIN, file).tree == file
        assert merge(BUILTIN, {"extends": "builtin", **file}).tree == {"extends": "builtin", **file}


def test_the_built_in_tree_is_not_changed() -> None:
    before = repr(BUILTIN)
    merge(BUILTIN, {"extends": "builtin", "targets": {"a": {"price": {"input": 9}}}})
    merge(BUILTIN, {"upstreams": {}})
    assert repr(BUILTIN) == before
