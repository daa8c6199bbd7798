"""What somebody wrote into the catalog by hand is refused where it is used, in words."""

import tracemalloc

import pytest
from zstandard import ZstdCompressor

from checks.evidence import Outcome
from preserve.catalog.columns import encode_entries
from preserve.errors import UnreadableError
from tests.unit.preserve.catalog.builders import DAY, START, Held

BOMB = ZstdCompressor(level=1).compress(bytes(300_000_000))


def test_a_record_that_is_not_what_its_root_says_is_not_judged_by(held: Held) -> None:
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE record SET digests = zeroblob(length(digests)) WHERE shard_id = 1")
    with pytest.raises(UnreadableError, match="not what its root says") as caught:
        held.catalog.record(1)
    assert "preserve catalog check" in caught.value.remedy
    with pytest.raises(UnreadableError, match="not what its root says"):
        list(held.catalog.holding([(100, bytes(32))]))


def test_a_list_of_large_files_that_is_not_what_its_root_says_is_not_judged_by(held: Held) -> None:
    (large,) = held.catalog.large_files(1)
    forged = encode_entries([large._replace(sha256=bytes(32))])
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE inventory SET large_files = ?", (forged,))
    with pytest.raises(UnreadableError, match="not what its root says"):
        list(held.catalog.holding([(large.size_bytes, bytes(32))]))


@pytest.mark.parametrize("column", ["paths", "sizes", "segments"])
def test_a_record_that_would_unfold_to_gigabytes_is_refused(held: Held, column: str) -> None:
    with held.catalog.writing() as connection:
        connection.exec_driver_sql(f"UPDATE record SET {column} = ? WHERE shard_id = 1", (BOMB,))
    tracemalloc.start()
    with pytest.raises(UnreadableError, match="record in the catalog is damaged"):
        held.catalog.record(1)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_list_of_large_files_that_would_unfold_to_gigabytes_is_refused(held: Held) -> None:
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE inventory SET large_files = ?", (BOMB,))
    with pytest.raises(UnreadableError, match="list of large files in the catalog is damaged"):
        held.catalog.large_files(1)


def test_a_time_that_no_clock_says_is_told_in_words(held: Held) -> None:
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE shard_state SET read_at = 9223372036854775807")
    with pytest.raises(UnreadableError, match="a time in the catalog is none"):
        held.catalog.read_times([1])


def test_a_check_without_an_answer_and_without_a_finding_is_counted(held: Held) -> None:
    assert held.catalog.undecided([1, 2]) == {}
    held.commit(0, START + DAY, outcome=Outcome.INCONCLUSIVE, observed_root=None)
    assert held.open() == set() and held.catalog.undecided([1, 2]) == {1: 1}
    assert list(held.catalog.check()) == []
    held.commit(0, START + 2 * DAY)
    assert held.catalog.undecided([1, 2]) == {}


def test_the_journal_tells_when_it_was_written_last(held: Held) -> None:
    held.commit(0, START + DAY)
    newest = held.catalog.newest_at()
    assert newest is not None and newest >= START + DAY
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE journal SET body = '[1]'")
    with pytest.raises(UnreadableError, match="last link"):
        held.catalog.newest_at()
