"""The numbered steps by which a store's tables came to be."""

from portico.ledger.schema import migrations


def test_steps_are_numbered_from_one_without_gaps() -> None:
    steps = migrations("sqlite")
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))


def test_each_step_is_statements_without_comments() -> None:
    for step in migrations("sqlite"):
        assert step.statements
        assert all(
            statement.startswith(("CREATE ", "ALTER ", "UPDATE ", "DROP "))
            for statement in step.statements
        )
