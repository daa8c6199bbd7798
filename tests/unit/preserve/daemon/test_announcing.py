"""What the service says that it will do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import config
from checks.hours import Hours
from preserve.audit.schedule import RunPlan
from preserve.daemon.announcing import announcement, hours_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = """
[catalog]
path = "catalog.sqlite"
[audit]
every = "1d"
max_age = "90d"
[replica.nas]
url = "nas"
hours = ["22:00-06:00", "sat,sun 00:00-24:00"]
budget = ["200GB", "4h"]
rate = "50MB/s"
[replica.safe]
url = "safe"
every = "0 2 1 * *"
max_age = "365d"
"""


def test_each_replica_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "preserve.toml").write_text(SETTINGS, encoding="utf-8")
    settings = config.load(tmp_path / "preserve.toml")
    plans = {
        name: RunPlan(
            name=name,
            every=settings.limits(name).every,
            hours=Hours(settings.limits(name).hours, UTC),
            grace=timedelta(hours=6),
            last_run_at=last,
        )
        for name, last in (("nas", NOON - timedelta(days=3)), ("safe", None))
    }
    where, nas, safe = announcement(settings, plans, NOON + timedelta(days=1), UTC)
    assert where == f"settings: {tmp_path / 'preserve.toml'}"
    assert nas == (
        "nas: all read within 90d (aimed at: 60d), every 1d, at 22:00-06:00, sat,sun 00:00-24:00, "
        "at most 200 GB a run, at most 4h a run, 50 MB/s; next run: 2026-03-02 22:00:00"
    )
    assert safe.startswith("safe: all read within 365d") and "by '0 2 1 * *', at any hour; next run: now" in safe


def test_without_replicas_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "preserve.toml").write_text("[catalog]\npath = 'catalog.sqlite'\n", encoding="utf-8")
    lines = list(announcement(config.load(tmp_path / "preserve.toml"), {}, NOON, UTC))
    assert lines[1:] == ["there is no replica to read; add one with `preserve replica add NAME PATH`"]


def test_no_hours_are_all_hours() -> None:
    assert hours_text(()) == "at any hour"
