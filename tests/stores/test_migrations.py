"""The numbered steps by which a store's tables came to be."""

import pytest

from portico.errors import ConfigError
from portico.stores.migrations import Migration, Steps, migration, steps

KINDS = [
    ("access", "sqlite"),
    ("artifacts", "sqlite"),
    ("ledger", "sqlite"),
    ("ledger", "postgres"),
]
THREE = Steps("ledger", "the ledger", tuple(Migration(n, f"step {n}", ()) for n in (1, 2, 3)))


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_steps_are_numbered_from_one_without_gaps(room: str, kind: str) -> None:
    found = steps(room, kind, "")
    assert [step.number for step in found.all] == list(range(1, found.newest + 1))


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_each_step_is_statements_without_comments(room: str, kind: str) -> None:
    for step in steps(room, kind, "").all:
        assert step.statements
        assert all(
            statement.startswith(("CREATE ", "ALTER ", "UPDATE ", "INSERT ", "DROP "))
            for statement in step.statements
        )


def test_a_script_is_its_number_its_name_and_its_statements() -> None:
    script = "-- why; not what\nCREATE TABLE a (b TEXT); -- and more\n\nDROP TABLE c;\n"
    expected = Migration(7, "add a table", ("CREATE TABLE a (b TEXT)", "DROP TABLE c"))
    assert migration("0007_add_a_table.sql", script) == expected


@pytest.mark.parametrize(("have", "missing"), [(None, [1, 2, 3]), (1, [2, 3]), (3, [])])
def test_what_is_there_already_is_not_applied_again(have: int | None, missing: list[int]) -> None:
    assert [step.number for step in THREE.after(have)] == missing


def test_a_newer_schema_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"schema 4, this version knows 3 \(run the newer"):
        THREE.after(4)
