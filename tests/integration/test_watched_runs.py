"""What a run left, how it ended and whether it still lives: nothing of it may look better than it is."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from checks.evidence import Evidence
from checks.policy import Wanted
from preserve.app import alerts, runs
from preserve.app import workspace as workspaces
from preserve.app.audit_views import run_view
from preserve.audit.holders import this_process
from preserve.audit.planning import Request
from preserve.catalog.rows import AuditState, Heartbeat
from preserve.cli.main import main
from preserve.progress import Silent
from tests.support.receivers import WebServer, web_server
from tests.support.workspaces import PlacedWorkspace, make_workspace

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture
def placed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Patch) -> PlacedWorkspace:
    """One whose schedule was run, and found nothing due."""
    folder = tmp_path_factory.mktemp("watched")
    monkeypatch.chdir(folder)
    monkeypatch.delenv(alerts.URLS, raising=False)
    made = make_workspace(folder, packages=1, files=4)
    with made.open() as workspace:
        scope = {"by": "test", "holder": this_process(), "due": True, "replicas": made.replicas}
        audit = workspace.catalog.open_audit(scope, workspace.required, [], workspace.clock())
        workspace.catalog.end_audit(audit.id, AuditState.ENDED, workspace.clock())
    return made


@pytest.fixture
def watcher(monkeypatch: Patch) -> Iterator[WebServer]:
    with web_server() as web:
        monkeypatch.setenv(alerts.PING_URL, f"http://127.0.0.1:{web.port}/watched")
        yield web


def later(monkeypatch: Patch, span: timedelta) -> None:
    monkeypatch.setattr(workspaces, "utc_now", lambda: datetime.now(UTC) + span)


def settle(placed: PlacedWorkspace, table: str, line: str) -> None:
    """Adds a line to a table of the settings."""
    settings = placed.folder / "preserve.toml"
    text = settings.read_text("utf-8")
    at = text.index(f"\n[{table}]") + len(table) + 3
    settings.write_text(f"{text[:at]}\n{line}{text[at:]}", "utf-8")


def watched(capsys: Capture) -> tuple[int, list[str]]:
    """The exit status, and the keys of all concerns but that there is no backup."""
    capsys.readouterr()
    status = main(["watch", "--json"])
    keys = [one["key"] for one in json.loads(capsys.readouterr().out)["concerns"]]
    return status, [key for key in keys if key != "backup-late"]


def run_due(capsys: Capture) -> tuple[int, str]:
    """The exit status of a run for what is due, and what it says."""
    capsys.readouterr()
    status = main(["audit", "--due", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert "summary" in document, document
    return status, document["summary"]


def test_a_service_that_was_killed_before_its_first_look_falls_silent(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: Patch
) -> None:
    with placed.open() as workspace:
        beat = Heartbeat(
            at=workspace.clock(),
            holder="here:1:1",
            host="here",
            every_seconds=30.0,
            next_run_at=None,
            audit_id=None,
            version="0",
        )
        workspace.catalog.beat(beat)
    later(monkeypatch, 6 * MINUTE)
    status, keys = watched(capsys)
    assert status == 3 and "silent" in keys


def test_a_run_that_hangs_hides_no_late_one(placed: PlacedWorkspace, capsys: Capture, monkeypatch: Patch) -> None:
    with placed.open() as workspace:
        shard = workspace.catalog.shards(workspace.catalog.packages()[0].inventory_id)[0]
        copy = next(one for one in workspace.catalog.copies() if one.replica == "nas")
        scope = {"holder": this_process(), "due": True, "replicas": ["nas"]}
        audit = workspace.catalog.open_audit(scope, Evidence.READ, [(copy.id, shard.id)], workspace.clock())
        at = workspace.clock() + 2 * DAY
        leases = workspace.catalog.lease(audit.id, copy.id, this_process(), at, ttl_seconds=120)
    later(monkeypatch, 2 * DAY + 5 * HOUR)
    assert "run-late:nas" not in watched(capsys)[1], "five hours ago it leased a shard, and the grace is six"
    later(monkeypatch, 2 * DAY + 7 * HOUR)
    assert "run-late:nas" in watched(capsys)[1]
    with placed.open() as workspace:
        assert workspace.catalog.renew(leases, workspace.clock(), 120) == [True]
    assert "run-late:nas" not in watched(capsys)[1]


def test_a_heart_that_beats_for_a_run_is_its_sign_of_life(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: Patch
) -> None:
    with placed.open() as workspace:
        scope = {"holder": this_process(), "due": True, "replicas": placed.replicas}
        audit = workspace.catalog.open_audit(scope, Evidence.READ, [], workspace.clock())
        later(monkeypatch, 3 * DAY)
        beat = Heartbeat(
            at=workspaces.utc_now(),
            holder=this_process(),
            host="here",
            every_seconds=30.0,
            next_run_at=None,
            audit_id=audit.id,
            version="0",
        )
        workspace.catalog.beat(beat)
    assert not [key for key in watched(capsys)[1] if key.startswith("run-late")]


def test_a_table_for_a_collection_that_is_not_there_is_told(placed: PlacedWorkspace, capsys: Capture) -> None:
    settings = placed.folder / "preserve.toml"
    text = settings.read_text("utf-8")
    with placed.open() as workspace:
        name = workspace.catalog.packages()[0].collection
    settings.write_text(f'{text}\n[collection."{name}"]\nmax_age = "80d"\n', "utf-8")
    assert watched(capsys) == (0, [])
    settings.write_text(f'{text}\n[collection."Lettres"]\nmax_age = "80d"\n', "utf-8")
    assert watched(capsys) == (0, ["unknown-collection"])


def test_a_disk_on_which_the_auditor_could_not_be_tested_is_told(placed: PlacedWorkspace, capsys: Capture) -> None:
    with placed.open() as workspace:
        nas = next(one for one in workspace.replicas() if one.name == "nas")
        body = {"replica": str(nas.uuid), "outcome": "pass", "why": "read-only file system", "untested": True}
        workspace.catalog.record_of_itself("self-test", body, workspace.clock())
    assert watched(capsys) == (0, ["not-tested-there:nas"])


def test_what_a_failed_auditor_read_stays_a_concern_when_the_disk_is_carried_away(
    placed: PlacedWorkspace, capsys: Capture
) -> None:
    with placed.open() as workspace:
        copy = next(one for one in workspace.catalog.copies() if one.replica == "disk")
        shards = workspace.catalog.shards(copy.inventory_id)
        now = workspace.clock()
        workspace.catalog.disbelieve([1], [(copy.id, shard.id) for shard in shards], "it passed what is wrong", now)
        disk = next(one for one in workspace.replicas() if one.name == "disk")
        passed = {"replica": str(disk.uuid), "outcome": "pass", "why": ""}
        workspace.catalog.record_of_itself("self-test", passed, workspace.clock())
    settle(placed, "replica.disk", "offline = true")
    shutil.move(placed.folder / "disk", placed.folder / "in a safe")
    status, keys = watched(capsys)
    assert status == 3 and "self-test-failed:disk" in keys


def test_what_was_asked_for_and_is_not_read_for_days_is_told(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: Patch
) -> None:
    with placed.open() as workspace:
        (copy,) = [one.id for one in workspace.catalog.copies() if one.replica == "disk"]
        workspace.catalog.ask_reading([copy], Wanted.ASKED, "Sok", workspace.clock())
    assert "asked-not-read:disk" not in watched(capsys)[1]
    later(monkeypatch, 2 * DAY + HOUR)
    assert "asked-not-read:disk" in watched(capsys)[1]


def test_a_run_outside_the_hours_says_what_is_due_and_is_not_green_where_the_promise_is_broken(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: Patch
) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    settle(placed, "audit", 'hours = ["22:00-06:00"]\ntime_zone = "UTC"')
    monkeypatch.setattr(workspaces, "utc_now", lambda: noon + 75 * DAY)
    status, told = run_due(capsys)
    assert status == 0 and "due on nas, whose hours are shut until" in told
    monkeypatch.setattr(workspaces, "utc_now", lambda: noon + 100 * DAY)
    status, told = run_due(capsys)
    assert status == 3 and "Nothing was due" not in told
    assert "due on nas, whose hours are shut until" in told and "22:00 UTC" in told
    assert "not read for longer than is promised" in told


def test_a_run_while_every_disk_is_in_a_safe_is_not_green_where_the_promise_is_broken(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: Patch
) -> None:
    for name in placed.replicas:
        settle(placed, f"replica.{name}", "offline = true")
        shutil.move(placed.folder / name, placed.folder / f"{name} in a safe")
    status, told = run_due(capsys)
    assert status == 0 and told.startswith("Nothing was due. Away, as it may be, and not read: ")
    later(monkeypatch, 100 * DAY)
    status, told = run_due(capsys)
    assert status == 3 and "due on disk, which is not there" in told


def test_the_dead_mans_switch_hears_of_a_replica_that_may_not_be_away(
    placed: PlacedWorkspace, watcher: WebServer
) -> None:
    shutil.move(placed.folder / "disk", placed.folder / "taken away")
    with placed.open() as workspace:
        runs.run_due(workspace, Request(due=True), Silent())
    settle(placed, "replica.disk", "offline = true")
    with placed.open() as workspace:
        runs.run_due(workspace, Request(due=True), Silent())
    heard = [path for path, _ in watcher.requests]
    assert heard == ["/watched/start", "/watched/fail", "/watched/start", "/watched"]


@pytest.mark.parametrize("worst", ["died", "replica-unavailable", "stopped"])
@pytest.mark.parametrize("first", [True, False])
def test_that_the_hours_of_one_level_were_over_hides_nothing_of_another(
    placed: PlacedWorkspace, worst: str, first: bool
) -> None:
    with placed.open() as workspace:
        copy = workspace.catalog.copies()[0]
        pair = copy.id, workspace.catalog.shards(copy.inventory_id)[0].id
        audits = []
        for reason in (worst, "hours") if first else ("hours", worst):
            opened = workspace.catalog.open_audit({"due": True}, Evidence.READ, [pair], workspace.clock())
            audits.append(workspace.catalog.end_audit(opened.id, AuditState.STOPPED, workspace.clock(), reason=reason))
        view = run_view(workspace, audits)
    assert view.reason == worst
    assert view.id == next(audit.id for audit in audits if audit.reason == worst), "the one to go on with"
