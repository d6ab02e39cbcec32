"""Rows on the disk while they wait in memory, for the case that the process is killed."""

import fcntl
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.ledger.base import RequestRow
from portico.ledger.journal import Journal, adopt
from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from tests.ledger.disks import full_disk
from tests.ledger.entries import LIMITED, attempt, entry


def rows(count: int = 3) -> list[RequestRow]:
    return [row_of(entry(attempt(outcome=LIMITED), attempt())) for _ in range(count)]


def died(journal: Journal) -> None:
    """Let go of the files, as the system does for a process that was killed."""
    journal.close(safe=False)


def left(folder: Path) -> list[RequestRow]:
    """What whoever comes next finds in the spool."""
    spool = Spool(folder)
    return [row for batch in spool.batches() for row in spool.read(batch)]


def test_what_was_appended_is_found_after_its_process_is_dead(tmp_path: Path) -> None:
    journal, written = Journal(tmp_path / "spool"), rows()
    for row in written:
        journal.append(row)
    assert left(tmp_path / "spool") == [], "it lives"
    died(journal)
    assert left(tmp_path / "spool") == written


def test_rows_are_kept_until_they_are_settled_and_no_longer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first, second, third = rows()
    journal.append(first)
    journal.turn()
    journal.append(second)
    journal.turn()  # the first is not safe yet: nothing happens
    journal.append(third)
    assert journal.holds
    journal.settle()
    assert not journal.holds
    died(journal)
    assert left(tmp_path) == [second, third]


def test_both_files_are_used_in_turns(tmp_path: Path) -> None:
    journal, written = Journal(tmp_path), rows(6)
    for row in written:
        journal.append(row)
        journal.turn()
        journal.settle()
    assert len(list(tmp_path.glob("*.journal"))) == 2
    died(journal)
    assert left(tmp_path) == []


def test_a_journal_whose_rows_are_safe_leaves_no_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(rows(1)[0])
    journal.close(safe=True)
    journal.append(rows(1)[0])
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_on_the_machine_may_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "spool")
    journal.append(rows(1)[0])
    (file,) = (tmp_path / "spool").iterdir()
    assert (tmp_path / "spool").stat().st_mode & 0o077 == file.stat().st_mode & 0o077 == 0
    died(journal)


@given(st.integers(1, 400))
def test_a_row_that_was_cut_short_is_left_out_and_those_before_it_are_not(cut: int) -> None:
    whole, torn = rows(2)
    encoded = msgspec.json.encode(torn) + b"\n"
    with TemporaryDirectory() as folder:
        (Path(folder) / "1-1.journal").write_bytes(
            msgspec.json.encode(whole) + b"\n" + encoded[:-cut]
        )
        assert left(Path(folder)) == [whole]


def test_what_a_machine_that_lost_power_left_is_used_up_to_where_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (row,) = rows(1)
    (tmp_path / "1-1.journal").write_bytes(msgspec.json.encode(row) + b"\n" + bytes(600) + b"\n")
    (tmp_path / "2-1.journal").write_bytes(bytes(600))
    assert left(tmp_path) == [row]
    assert "not whole" in caplog.text
    assert [file.suffix for file in tmp_path.iterdir()] == [".jsonl"]


def test_a_journal_that_another_process_took_up_first_is_let_be(tmp_path: Path) -> None:
    file = tmp_path / "1-1.journal"
    file.write_bytes(msgspec.json.encode(rows(1)[0]) + b"\n")
    handle = os.open(file, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    adopt(tmp_path)
    assert file.exists()
    os.close(handle)
    adopt(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["1-1.jsonl"]


def test_a_full_disk_is_said_once_spoils_nothing_and_is_tried_again_with_the_next_batch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path)
    caplog.set_level("INFO")
    fits, half, later = rows()
    length = len(msgspec.json.encode(fits))
    with full_disk(length + 200):
        journal.append(fits)
        for _ in range(3):
            journal.append(half)
            journal.settle()
    assert journal.why == "No space left on device"
    journal.append(later)
    assert journal.why == ""
    died(journal)
    assert left(tmp_path) == [fits, later]
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "rows wait in memory alone, a kill would lose them: No space left on device",
        "the ledger's journal takes rows again",
    ]


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file")
    journal.append(rows(1)[0])
    assert journal.why == "File exists"
    journal.turn()
    journal.settle()
    journal.close(safe=True)
