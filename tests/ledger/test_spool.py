"""Where rows wait while the store is away."""

from pathlib import Path

import pytest

from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from tests.ledger.disks import full_disk
from tests.ledger.entries import LIMITED, attempt, entry


def rows(count: int = 3) -> list:
    return [row_of(entry(attempt(outcome=LIMITED), attempt())) for _ in range(count)]


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    spool, written = Spool(tmp_path / "spool"), rows()
    spool.write(written)
    (batch,) = spool.batches()
    assert spool.read(batch) == written


def test_batches_come_back_oldest_first_and_go_when_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    first, second = rows(1), rows(1)
    spool.write(first)
    spool.write(second)
    assert [spool.read(batch) for batch in spool.batches()] == [first, second]
    spool.remove(spool.batches()[0])
    assert [spool.read(batch) for batch in spool.batches()] == [second]


def test_a_batch_that_another_process_took_is_empty_and_can_be_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    gone = tmp_path / "1.jsonl"
    assert spool.read(gone) == []
    spool.remove(gone)


def test_a_draft_that_a_dying_process_left_is_no_batch(tmp_path: Path) -> None:
    (tmp_path / "1.draft").write_bytes(b'{"id": "r')
    assert Spool(tmp_path).batches() == []


def test_a_spoiled_batch_is_set_aside_for_a_person(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "1.jsonl").write_bytes(b"{not json\n")
    assert spool.read(spool.batches()[0]) == []
    assert spool.batches() == []
    assert (tmp_path / "1.unreadable").read_bytes() == b"{not json\n"


def test_nobody_else_on_the_machine_may_read_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write(rows())
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    assert spool.batches()[0].stat().st_mode & 0o077 == 0


def test_a_directory_that_does_not_exist_holds_no_batches(tmp_path: Path) -> None:
    assert Spool(tmp_path / "none").batches() == []


def test_a_batch_that_a_full_disk_does_not_take_leaves_nothing_behind(tmp_path: Path) -> None:
    with full_disk(100), pytest.raises(OSError, match="File too large"):
        Spool(tmp_path).write(rows())
    assert list(tmp_path.iterdir()) == []
