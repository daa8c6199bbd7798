"""The promises of an audit, on real files: never a false green, never a loss that is an outage."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from checks.evidence import Outcome
from checks.findings import Code
from checks.verdicts import Verdict
from preserve.app import audits
from preserve.app.audit_views import audit_view
from preserve.app.file_views import drift_view, loss_view
from preserve.app.holdings import replicate, take_in
from preserve.app.replicas import remove_replica
from preserve.app.status import status_view
from preserve.app.workspace import Workspace
from preserve.audit import running
from preserve.catalog.rows import AuditRow, AuditState, CheckResult
from preserve.errors import UsageError
from preserve.progress import Silent
from preserve.stores.local import LocalStore
from reports import audits as reports
from reports import loss, status
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=12)


def outcome_of(workspace: Workspace, audit: AuditRow) -> Outcome:
    return reports.outcome_of(audit_view(workspace, audit))


def payload(placed: PlacedWorkspace, package: str = "box-0") -> list[bytes]:
    """Payload files of some length whose content is held once."""
    return [
        path
        for path in placed.files[package]
        if path.startswith(b"data/") and placed.is_held_once(package, path) and size(placed, package, path) > 100
    ]


def size(placed: PlacedWorkspace, package: str, path: bytes) -> int:
    return (placed.folder / "bags" / package / os.fsdecode(path)).stat().st_size


def damage(placed: PlacedWorkspace, replica: str, package: str, path: bytes) -> None:
    file = placed.copy(replica, package) / os.fsdecode(path)
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


def test_a_replica_that_is_gone_is_an_outage_and_no_file_is_missing(placed: PlacedWorkspace) -> None:
    (placed.folder / "nas").rename(placed.folder / "pulled")
    assert set(placed.audit().values()) == {Code.REPLICA_UNAVAILABLE}
    with placed.open() as workspace:
        last = workspace.catalog.audits(1)[0]
        assert outcome_of(workspace, last) is Outcome.INCONCLUSIVE
        assert last.files_unread > 0 and last.files_bad == 0
        assert {package.verdict for package in workspace.packages()} == {Verdict.UNKNOWN}
        assert status.outcome_of(status_view(workspace, limit=9)) is Outcome.INCONCLUSIVE
    (placed.folder / "pulled").rename(placed.folder / "nas")
    assert placed.audit() == {}


@pytest.mark.parametrize("what", ["empty mount", "another disk"])
def test_an_empty_mount_and_another_disk_are_recognised(placed: PlacedWorkspace, what: str) -> None:
    (placed.folder / "nas").rename(placed.folder / "pulled")
    (placed.folder / "nas").mkdir()
    if what == "another disk":
        other = placed.folder / "disk" / ".preserve"
        (placed.folder / "nas" / ".preserve").mkdir()
        (placed.folder / "nas" / ".preserve" / "identity.json").write_bytes((other / "identity.json").read_bytes())
    assert set(placed.audit().values()) == {Code.REPLICA_UNAVAILABLE}


def test_a_copy_whose_folder_is_gone_is_one_finding_and_damage(placed: PlacedWorkspace) -> None:
    placed.copy("nas", "box-0").rename(placed.folder / "elsewhere")
    found = placed.audit()
    assert found == {("nas", "box-0", b""): Code.COPY_MISSING}
    with placed.open() as workspace:
        assert outcome_of(workspace, workspace.catalog.audits(1)[0]) is Outcome.FAIL
        assert next(p.verdict for p in workspace.packages() if p.identifier == "box-0") is Verdict.DEGRADED


def test_a_file_lost_on_one_replica_and_another_on_the_next_can_both_be_made_whole(placed: PlacedWorkspace) -> None:
    one, two, three = payload(placed)[:3]
    damage(placed, "nas", "box-0", one)
    damage(placed, "disk", "box-0", two)
    for replica in placed.replicas:
        damage(placed, replica, "box-0", three)
    placed.audit()
    with placed.open() as workspace:
        verdicts = {line.file.path: line.file for line in drift_view(workspace).lines}
        lost = loss_view(workspace)
    assert verdicts[one].verdict is Verdict.DEGRADED and verdicts[one].good_on == ("abroad", "disk")
    assert verdicts[two].verdict is Verdict.DEGRADED and verdicts[two].bad_on == ("disk",)
    assert verdicts[three].verdict is Verdict.LOST
    assert [line.file.path for line in lost.lines] == [three]


def test_an_audit_that_is_stopped_goes_on_with_what_is_left(placed: PlacedWorkspace) -> None:
    stop = threading.Event()

    class StopAfterOne(Silent):
        def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
            if files:
                stop.set()

    with placed.open() as workspace:
        audit = audits.plan(workspace)
        stopped = audits.run(workspace, audit, StopAfterOne(), stop)
        assert stopped.state is AuditState.STOPPED
        assert 0 < stopped.done < stopped.planned == 6
        assert outcome_of(workspace, stopped) is Outcome.INCONCLUSIVE
        left = set(workspace.catalog.remaining(audit.id))
        resumed = audits.run(workspace, audits.resume(workspace, audit.id), Silent())
        assert resumed.state is AuditState.ENDED
        assert (resumed.done, resumed.passed) == (6, 6)
        assert len(left) == stopped.planned - stopped.done
        with pytest.raises(UsageError, match="came to its end"):
            audits.resume(workspace, audit.id)


def test_an_audit_goes_on_without_a_replica_that_was_removed_meanwhile(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        audit = audits.plan(workspace)
        workspace.catalog.end_audit(audit.id, AuditState.STOPPED, workspace.clock())
        workspace.catalog.remove_replica("nas", workspace.clock())
        resumed = audits.run(workspace, audits.resume(workspace, audit.id), Silent())
        assert resumed.state is AuditState.ENDED
        assert resumed.planned == resumed.passed == audit.planned * 2 // 3
        assert list(workspace.catalog.check()) == []


def test_a_killed_audit_is_told_as_stopped_and_can_be_resumed(placed: PlacedWorkspace) -> None:
    script = (
        "import os, signal, config\n"
        "from pathlib import Path\n"
        "from preserve.app import audits\n"
        "from preserve.app.workspace import Workspace\n"
        "from preserve.progress import Silent\n"
        "class Killed(Silent):\n"
        "    def advance(self, *, files=0, bytes=0, replica=''):\n"
        "        if files: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    def found(self, findings=1, replica=''): pass\n"
        "workspace = Workspace(config.load(Path('preserve.toml')))\n"
        "audits.run(workspace, audits.plan(workspace), Killed())\n"
    )
    here = Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=placed.folder, env={**os.environ, "PYTHONPATH": str(here)}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with placed.open() as workspace:
        (audit,) = workspace.catalog.audits(1)
        assert audit.state is AuditState.RUNNING  # nobody could write down that it died
        resumed = audits.run(workspace, audits.resume(workspace, audit.id), Silent())
        assert (resumed.state, resumed.passed) == (AuditState.ENDED, 6)
        assert workspace.catalog.verify_journal() is None


def test_a_running_audit_cannot_be_taken_over(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        audit = audits.plan(workspace)
        with pytest.raises(UsageError, match="is running"):
            audits.resume(workspace, audit.id)


def test_a_worker_that_comes_back_late_changes_nothing(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its leases have gone to another run, which found the damage; the stale PASS must not close it."""
    with placed.open() as workspace:
        audit = audits.plan(workspace, packages=("box-0",), replicas=("nas",))
        commit = workspace.catalog.commit_checks
        answers: list[bool] = []

        def overtaken(results: Sequence[CheckResult], now: datetime) -> list[bool]:
            damage(placed, "nas", "box-0", payload(placed)[0])
            taken = workspace.catalog.lease(
                audit.id,
                holder="another",
                now=workspace.clock() + timedelta(seconds=2 * running.LEASE_SECONDS),
                ttl_seconds=60,
                pairs=workspace.catalog.remaining(audit.id),
            )
            assert taken, "the lease had run out"
            answers.extend(commit(results, now))
            return answers

        monkeypatch.setattr(workspace.catalog, "commit_checks", overtaken)
        stale = audits.run(workspace, audit, Silent())
        monkeypatch.undo()
        assert answers == [False]
        assert stale.done == 0 and stale.state is AuditState.STOPPED


def test_one_file_is_read_on_all_its_copies_now(placed: PlacedWorkspace) -> None:
    path = payload(placed)[0]
    damage(placed, "disk", "box-0", path)
    with placed.open() as workspace:
        read = audits.read_path(workspace, os.fsdecode(path), Silent(), packages=("box-0",))
        assert {copy.replica: result.outcome for copy, result in read} == {
            "nas": Outcome.PASS,
            "disk": Outcome.FAIL,
            "abroad": Outcome.PASS,
        }
        (row,) = workspace.catalog.findings()
        assert (row.replica, row.finding.path, row.code) == ("disk", path, Code.DIGEST_MISMATCH)
        with pytest.raises(UsageError, match="no copy should have a file"):
            audits.read_path(workspace, "data/nothing", Silent())


def test_a_disk_pulled_in_the_middle_leaves_no_finding_on_a_file(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder goes after the listing: files are not there, but the identity is not either."""
    listing = LocalStore.listing

    def list_then_pull(self: LocalStore, root: bytes) -> object:
        yield from list(listing(self, root))
        if self.root.endswith(b"/nas") and (placed.folder / "nas").exists():
            (placed.folder / "nas").rename(placed.folder / "pulled")

    monkeypatch.setattr(LocalStore, "listing", list_then_pull)
    assert set(placed.audit().values()) == {Code.REPLICA_UNAVAILABLE}


def test_what_a_stopped_audit_did_not_read_is_not_green(placed: PlacedWorkspace) -> None:
    stop = threading.Event()
    stop.set()
    with placed.open() as workspace:
        audit = audits.run(workspace, audits.plan(workspace), Silent(), stop)
        assert (audit.state, audit.done) == (AuditState.STOPPED, 0)
        view = audit_view(workspace, audit)
        assert view.state == "stopped"
        assert outcome_of(workspace, audit) is Outcome.INCONCLUSIVE


def test_due_is_what_is_older_than_the_target_and_nothing_else(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        assert audits.plan(workspace, due=True).planned == 0  # all was just read back
        later = workspace.clock() + 2 * workspace.promise.max_age
        workspace.clock = lambda: later
        assert audits.plan(workspace, due=True).planned == 6
        assert workspace.catalog.overdue_counts(workspace.required, later - workspace.promise.max_age)


def test_a_clock_that_is_set_back_during_an_audit_does_no_harm(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        start, ticks = workspace.clock(), iter(range(10_000))
        workspace.clock = lambda: start - timedelta(hours=next(ticks))
        audit = audits.run(workspace, audits.plan(workspace), Silent())
        assert outcome_of(workspace, audit) is Outcome.PASS


def add_version(placed: PlacedWorkspace, package: str = "box-0") -> None:
    """Takes an older bag in as the package's second version and places it everywhere."""
    bag = placed.folder / "older" / package
    with placed.open() as workspace:
        with pytest.raises(UsageError, match="known already, with other content"):
            list(take_in(workspace, [bag], Silent(), identifier=package))
        (taken,) = take_in(workspace, [bag], Silent(), identifier=package, new_version=True)
        assert taken.package is not None and taken.package.version == 2
        assert all(each.outcome is Outcome.PASS for each in replicate(workspace, (package,), (), Silent()))


def test_damage_of_an_older_version_is_seen_wherever_one_looks(placed: PlacedWorkspace) -> None:
    add_version(placed)
    (changed,) = [path for path in placed.older["box-0"] if path.startswith(b"data/")]
    for replica in placed.replicas:
        damage(placed, replica, "box-0", changed)  # what only the first version held is now nowhere
    same = next(path for path in payload(placed) if path != changed)
    for replica in placed.replicas:
        damage(placed, replica, "box-0", same)  # what the second version holds as well
    found = placed.audit()
    assert {path for _, _, path in found} == {changed, same}
    with placed.open() as workspace:
        assert next(p.verdict for p in workspace.packages() if p.identifier == "box-0") is Verdict.LOST
        assert {(line.version, line.path) for line in status_view(workspace, limit=9).findings} == {
            (1, changed),
            (1, same),
        }
        lost = loss_view(workspace)
        assert loss.outcome_of(lost) is Outcome.FAIL
        assert [(line.file.version, line.file.path) for line in lost.lines] == [(1, changed)]
        drifted = {line.file.path: line.file.verdict for line in drift_view(workspace).lines}
        assert drifted == {changed: Verdict.LOST, same: Verdict.DEGRADED}
        read = audits.read_path(workspace, os.fsdecode(changed), Silent(), packages=("box-0",))
        assert {(copy.version, result.outcome) for copy, result in read} == {(1, Outcome.FAIL), (2, Outcome.PASS)}


def test_nothing_is_called_safe_that_has_no_copy(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        assert loss.outcome_of(loss_view(workspace)) is Outcome.PASS
        for replica in placed.replicas:
            remove_replica(workspace, replica, last_copies=True)
        view = loss_view(workspace)
        assert view.may_be_lost == sum(len(files) for files in placed.files.values())
        assert loss.outcome_of(view) is Outcome.INCONCLUSIVE


def test_what_could_not_be_determined_is_due_again_and_never_silently_left_out(placed: PlacedWorkspace) -> None:
    (placed.folder / "nas").rename(placed.folder / "pulled")
    placed.audit()
    with placed.open() as workspace:
        waiting = audits.run(workspace, audits.plan(workspace, due=True), Silent())
        assert waiting.planned == 0  # it waits out its back-off, and that is not green
        assert outcome_of(workspace, waiting) is Outcome.INCONCLUSIVE
        (placed.folder / "pulled").rename(placed.folder / "nas")
        later = workspace.clock() + timedelta(hours=1)  # long before target_age
        workspace.clock = lambda: later
        again = audits.run(workspace, audits.plan(workspace, due=True), Silent())
        assert (again.planned, again.passed) == (2, 2)
        assert outcome_of(workspace, again) is Outcome.PASS
        assert workspace.catalog.findings() == []


@pytest.mark.parametrize("garbage", ['{"replica":1}', "[" * 60_000, "", "\x00", '{"replica": null, "name": []}'])
def test_a_disk_whose_identity_is_garbage_is_unavailable_and_the_others_are_audited(
    placed: PlacedWorkspace, garbage: str
) -> None:
    (placed.folder / "nas" / ".preserve" / "identity.json").write_text(garbage)
    assert {(replica, code) for (replica, _, _), code in placed.audit().items()} == {
        ("nas", Code.REPLICA_UNAVAILABLE.value)
    }
    with placed.open() as workspace:
        assert workspace.catalog.audits(1)[0].passed == 4


def test_a_file_without_end_is_not_read_to_its_end(placed: PlacedWorkspace) -> None:
    path = payload(placed)[0]
    os.truncate(placed.copy("nas", "box-0") / os.fsdecode(path), 1 << 42)
    assert placed.audit() == {("nas", "box-0", path): Code.SIZE_MISMATCH}
    with placed.open() as workspace:
        assert workspace.catalog.audits(1)[0].bytes_read < 1 << 30
