"""A judgement as the catalog takes it."""

from collections.abc import Sequence
from datetime import datetime

from checks.shards import Judgement
from preserve.catalog.rows import CheckResult


def result_of(
    judgement: Judgement,
    shard_id: int,
    started_at: datetime,
    ended_at: datetime,
    *,
    copy_id: int = 0,
    audit_id: int | None = None,
    lease_token: int | None = None,
    paths: Sequence[bytes] | None = None,
) -> CheckResult:
    """A judgement as the catalog takes it. A clock that was set back meanwhile makes the check last no time."""
    return CheckResult(
        copy_id=copy_id,
        shard_id=shard_id,
        audit_id=audit_id,
        lease_token=lease_token,
        started_at=started_at,
        ended_at=max(started_at, ended_at),
        evidence=judgement.evidence,
        outcome=judgement.outcome,
        good=judgement.good,
        bad=judgement.bad,
        unread=judgement.unread,
        bytes_read=judgement.bytes_read,
        observed_root=judgement.observed_root,
        findings=judgement.findings,
        paths=paths,
    )
