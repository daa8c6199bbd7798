"""A staging is filled and read back twice at most, and nothing is taken away that is not written again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from checks.evidence import Evidence
from checks.findings import Code, Finding, outcome_of
from preserve.catalog.rows import CheckResult
from preserve.replicate.copying import Unfilled
from preserve.replicate.filling import Filled, filled
from preserve.stores.port import Staging

AT = datetime(2026, 7, 1, tzinfo=UTC)


def check(*findings: Finding) -> CheckResult:
    return CheckResult(
        copy_id=0, shard_id=1, audit_id=None, lease_token=None, started_at=AT, ended_at=AT, evidence=Evidence.READ,
        outcome=outcome_of(findings), good=0, bad=0, unread=0, bytes_read=0, observed_root=None, findings=findings,
    )  # fmt: skip


class Discarding:
    """A staging that notes what is taken away."""

    def __init__(self) -> None:
        self.discarded: list[bytes] = []

    def discard(self, path: bytes) -> None:
        self.discarded.append(path)


def fill(rounds: Sequence[Sequence[Finding]], unfilled: Sequence[Unfilled] = ()) -> tuple[Filled, list[bytes]]:
    """What came of it, and what was taken away, where each round reads back as is given."""
    staging, left = Discarding(), list(rounds)
    result = filled(cast(Staging, staging), lambda: unfilled, lambda: [check(*left.pop(0))])
    assert not left
    return result, staging.discarded


BAD = Finding(code=Code.DIGEST_MISMATCH, path=b"data/bad")
UNREAD = Finding(code=Code.UNREADABLE, path=b"data/unread", parameters={"cause": "EIO"})
WARNED = Finding(code=Code.UNSTABLE_READ, path=b"data/good", parameters={"cause": "EIO"})
UNLISTED = Finding(code=Code.LISTING_INCOMPLETE, path=b"data", parameters={"cause": "EIO"})


def test_what_does_not_read_back_is_written_once_more() -> None:
    result, discarded = fill([[BAD, UNREAD, WARNED], []])
    assert sorted(discarded) == [b"data/bad", b"data/unread"] and result.bad == frozenset()


def test_what_is_bad_in_the_last_round_too_is_told_and_not_taken_away() -> None:
    result, discarded = fill([[BAD], [BAD, WARNED]])
    assert discarded == [b"data/bad"] and result.bad == {b"data/bad"}
    assert result.checks == [check(BAD, WARNED)]


@pytest.mark.parametrize("finding", [WARNED, UNLISTED, Finding(code=Code.COPY_MISSING)], ids=lambda one: one.code.value)
def test_what_writing_again_does_not_mend_asks_for_no_second_round(finding: Finding) -> None:
    result, discarded = fill([[finding]])
    assert not discarded and not result.bad


def test_what_no_source_has_is_not_called_bad() -> None:
    lost = Unfilled(path=b"data/bad", size_bytes=1, sha256=bytes(32))
    result, discarded = fill([[BAD]], [lost])
    assert not discarded and not result.bad and result.unfilled == [lost]
