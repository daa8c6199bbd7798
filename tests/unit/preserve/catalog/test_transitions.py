"""What a check may clear: only what it can speak of, and damage only when it read all that it set out to read."""

from datetime import datetime, timedelta

import pytest

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from preserve.catalog.rows import CheckResult, ShardRow
from preserve.catalog.transitions import Settled, Standing, settle, wait_after
from tests.unit.preserve.catalog.builders import (
    COPY_MISSING,
    DAY,
    START,
    UNAVAILABLE,
    damage,
    digest,
    result,
    unreadable,
)

SHARD = ShardRow(id=7, inventory_id=1, start=b"", stop=b"", files=10, bytes_to_read=1000, root=digest("root"))
LATER = START + DAY


def check(*findings: Finding, **more: object) -> CheckResult:
    return result(SHARD, 1, LATER, *findings, **more)  # type: ignore[arg-type]


def standing(finding: Finding, seen_at: datetime = START) -> Standing:
    return Standing(id=1, copy_id=1, shard_id=7, finding=finding, seen_at=seen_at)


def closed(settled: Settled) -> list[Code]:
    return [present.finding.code for present in settled.closed]


@pytest.mark.parametrize(
    "finding", [damage(), unreadable(), UNAVAILABLE, COPY_MISSING, damage(b"data/new", Code.UNTRACKED)], ids=str
)
def test_a_whole_check_closes_what_it_did_not_see_again(finding: Finding) -> None:
    assert closed(settle(check(), [standing(finding)])) == [finding.code]


def test_an_unstable_read_stays_for_ever() -> None:
    finding = Finding(code=Code.UNSTABLE_READ, path=b"data/f0")
    assert settle(check(), [standing(finding)]) == Settled()


def test_what_was_seen_after_the_check_began_stays() -> None:
    assert settle(check(), [standing(damage(), LATER + timedelta(microseconds=1))]) == Settled()
    assert closed(settle(check(), [standing(damage(), LATER)])) == [Code.DIGEST_MISMATCH]


@pytest.mark.parametrize(
    "told",
    [
        check(UNAVAILABLE, unread=10),
        check(unreadable(), unread=1),
        check(unreadable(b"data/other"), unread=1),
        check(Finding(code=Code.LISTING_INCOMPLETE, path=b"data")),
        check(Finding(code=Code.WEAK_EVIDENCE)),
        check(damage(b"data/other"), unread=1),
        check(damage(b"data/other"), evidence=Evidence.SIZED),
        check(COPY_MISSING, good=0, bytes_read=0),
    ],
    ids=lambda told: " ".join(f.code.value for f in told.findings),
)
def test_damage_is_cleared_only_by_a_check_that_read_everything(told: CheckResult) -> None:
    assert Code.DIGEST_MISMATCH not in closed(settle(told, [standing(damage())]))


def test_what_could_not_be_read_is_cleared_when_every_other_unread_file_has_its_name() -> None:
    assert closed(settle(check(unreadable(b"data/other"), unread=1), [standing(unreadable())])) == [Code.UNREADABLE]
    assert settle(check(unreadable(b"data/other"), unread=2), [standing(unreadable())]).closed == []


def test_nothing_below_a_folder_that_was_not_listed_is_cleared() -> None:
    told = check(Finding(code=Code.LISTING_INCOMPLETE, path=b"data/sub"))
    assert settle(told, [standing(unreadable(b"data/sub/f"))]).closed == []
    assert closed(settle(told, [standing(unreadable(b"data/subway"))])) == [Code.UNREADABLE]


def test_named_paths_clear_only_themselves() -> None:
    told = check(paths=[b"data/f1"])
    assert settle(told, [standing(damage())]) == Settled()
    assert closed(settle(check(paths=[b"data/f0"]), [standing(damage())])) == [Code.DIGEST_MISMATCH]


@pytest.mark.parametrize("wide", [UNAVAILABLE, COPY_MISSING], ids=str)
def test_a_copy_is_there_again_when_anything_of_it_was_read(wide: Finding) -> None:
    assert closed(settle(check(unreadable(), unread=1), [standing(wide)])) == [wide.code]
    assert closed(settle(check(paths=[b"data/f0"]), [standing(wide)])) == [wide.code]
    nothing = check(unreadable(), unread=10, good=0, bytes_read=0)
    assert settle(nothing, [standing(wide)]).closed == []


def test_the_same_code_is_seen_again_with_its_newest_parameters() -> None:
    again = Finding(code=Code.DIGEST_MISMATCH, path=b"data/f0", parameters={"observed": {"size_bytes": 3}})
    present = standing(damage())
    assert settle(check(again), [present]) == Settled(seen=[(present, again)])


def test_another_damage_takes_the_place_of_the_first() -> None:
    settled = settle(check(damage(code=Code.MISSING)), [standing(damage())])
    assert closed(settled) == [Code.DIGEST_MISMATCH]
    assert [finding.code for finding in settled.opened] == [Code.MISSING]


def test_damage_takes_the_place_of_doubt_and_doubt_never_of_damage() -> None:
    settled = settle(check(damage()), [standing(unreadable(), LATER + DAY)])
    assert closed(settled) == [Code.UNREADABLE]
    assert [finding.code for finding in settled.opened] == [Code.DIGEST_MISMATCH]
    assert settle(check(unreadable(), unread=1), [standing(damage())]) == Settled()
    assert settle(check(UNAVAILABLE, unread=10), [standing(COPY_MISSING)]) == Settled()


def test_one_error_for_a_path_and_damage_before_doubt() -> None:
    settled = settle(check(unreadable(), damage(), damage(code=Code.MISSING), unread=1), [])
    assert [finding.code for finding in settled.opened] == [Code.DIGEST_MISMATCH]


def test_warnings_stand_beside_errors() -> None:
    warning = Finding(code=Code.NAME_NORMALISATION, path=b"data/f0")
    assert len(settle(check(damage(), warning), []).opened) == 2


def test_waits_double_up_to_a_day() -> None:
    assert [wait_after(n) / timedelta(minutes=1) for n in (1, 2, 3, 11, 12, 10_000)] == [1, 2, 4, 1024, 1440, 1440]


def test_the_result_builder_is_honest() -> None:
    assert check().outcome is Outcome.PASS
    assert check(unreadable(), unread=1).evidence is Evidence.LISTED
