"""False greens of what is told: exit statuses, records, letters."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from checks import health as concerns
from checks.evidence import Evidence, Outcome
from checks.shards import Judgement, ShardChecker
from preserve.app import health, last_runs
from preserve.audit import selftest
from preserve.audit.reading import ShardReader
from preserve.audit.running import Auditor
from preserve.catalog.rows import AuditState, Heartbeat
from preserve.cli import ending, exits
from reports import audits as reports
from reports.rows import AuditView
from tests.fault.false_greens.stage import DAY, LIE, MISTAKE, PAST_PROMISE, FalseGreen, Guard, Stage
from tests.support.receivers import web_server

_checked = ShardChecker.check


def _everything_passes(self: ShardChecker, location: bytes, record: Any, root: bytes, names: Any) -> Judgement:
    """Reads, and says that it was good."""
    read = _checked(self, location, record, root, names).bytes_read
    return Judgement(
        outcome=Outcome.PASS,
        evidence=Evidence.READ,
        good=len(record.paths),
        bad=0,
        unread=0,
        bytes_read=read,
        observed_root=root,
    )


def test_every_row_success_since_an_upgrade(stage: Stage) -> None:
    stage.flip(stage.file("nas"))
    stage.patch.setattr(ShardChecker, "check", _everything_passes)  # the upgrade
    assert stage.audit()[0] == 3, LIE
    assert "self-test-failed:nas" in stage.watch()[1]
    assert stage.last_audit().done == 0


def test_one_file_is_good_whatever_it_is(stage: Stage) -> None:
    file = stage.file("nas")
    path = str(file.relative_to(stage.placed.copy("nas", "box-0")))
    stage.flip(file)
    assert stage.audit("--path", path, "box-0")[0] == 1
    stage.patch.setattr(ShardChecker, "check", _everything_passes)
    assert stage.audit("--path", path, "box-0")[0] == 3, LIE
    assert stage.codes() == {"digest-mismatch"}, "nor is what was found taken back"


def test_successfully_scanned_whatever_failed(stage: Stage) -> None:
    stage.break_file(stage.file("nas"))
    status, told = stage.audit()
    assert (told["counts"]["files_unread"], told["counts"]["inconclusive"]) == (1, 1)
    assert (status, told["outcome"]) == (3, "inconclusive"), LIE


def test_always_exit_0(stage: Stage) -> None:
    stage.flip(stage.file("nas"))
    assert stage.audit()[0] == 1, LIE
    assert stage.preserve("status")[0] == stage.preserve("watch")[0] == 1
    (stage.folder / "disk").rename(stage.folder / "pulled")
    assert stage.audit(replica="disk")[0] == 3


def _mistake(*_: object, **__: object) -> None:
    raise RuntimeError(MISTAKE)


def test_a_crash_exits_0_and_leaves_no_record(stage: Stage) -> None:
    stage.later(PAST_PROMISE)
    stage.patch.setattr(ShardReader, "_judge", _mistake)
    assert stage.audit("--due")[0] == 3, LIE
    assert (stage.last_audit().state, stage.last_audit().reason) == (AuditState.STOPPED, "died"), LIE
    assert "run-stopped" in stage.watch()[1]


_KILLED = """
import os, signal, sys, config
from datetime import timedelta
from pathlib import Path
from preserve.app import runs
from preserve.app.workspace import Workspace
from preserve.audit.planning import Request
from preserve.progress import Silent
class Killed(Silent):
    def advance(self, *, files=0, bytes=0, replica=""):
        os.kill(os.getpid(), signal.SIGKILL)
workspace = Workspace(config.load(Path(sys.argv[1])))
now = workspace.clock() + timedelta(days=100)
workspace.clock = lambda: now
runs.run_due(workspace, Request(due=True, replicas=("nas",)), Killed())
"""


def test_a_run_that_was_killed_is_forgotten(stage: Stage) -> None:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", _KILLED, str(stage.folder / "preserve.toml")]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert stage.last_audit().state is AuditState.RUNNING  # nobody could write down that it died
    stage.later(PAST_PROMISE)
    assert "run-stopped" in stage.watch()[1], LIE


def test_the_auditor_that_did_not_run_is_green(stage: Stage) -> None:
    stage.later(2 * DAY)
    status, seen = stage.watch()
    assert "run-late:nas" in seen, LIE
    assert status == stage.preserve("status")[0] == 3


def test_a_service_that_died_is_green(stage: Stage) -> None:
    with stage.placed.open() as workspace:
        now = workspace.clock()
        alive = Heartbeat(
            at=now, holder="x:1:1", host="x", every_seconds=30.0, next_run_at=now + DAY, audit_id=None, version="0"
        )
        workspace.catalog.beat(alive)
    stage.later(timedelta(minutes=6))
    assert "silent" in stage.watch()[1], LIE


def test_a_failed_notifier_storms(stage: Stage) -> None:
    other = (stage.folder / "disk/.preserve/identity.json").read_bytes()
    (stage.folder / "nas/.preserve/identity.json").write_bytes(other)  # somebody has to hear of this at once
    with web_server() as web:
        web.status = 500
        stage.patch.setenv("PRESERVE_ALERT_URLS", web.url)
        for minute in range(6):
            stage.later(timedelta(minutes=minute))
            stage.preserve("alert")
        assert 0 < len(web.requests) <= 3, f"{LIE}: {len(web.requests)} letters in six minutes"
    assert "channel-failed" in stage.watch()[1]


def _no_self_test(stage: Stage) -> None:
    stage.patch.setattr(selftest, "judge", lambda *_: "")


def _ended_is_passed(view: AuditView) -> Outcome:
    return Outcome.PASS if view.state == "ended" else Outcome.INCONCLUSIVE


def _all_statuses_0(stage: Stage) -> None:
    stage.patch.setattr(exits, "OUTCOMES", dict.fromkeys(Outcome, 0))


def _crashes_are_0(stage: Stage) -> None:
    stage.patch.setattr(ending, "status_of", lambda error: 0)


def _nothing_is_written_down(stage: Stage) -> None:
    stage.patch.setattr(Auditor, "_end", lambda *_: None)


GUARDS = {
    "test_every_row_success_since_an_upgrade": FalseGreen(
        "DSpace",
        "after an upgrade every row said success, damaged files too",
        (Guard("before and after each run the auditor must find files that are recorded wrongly", _no_self_test),),
    ),
    "test_one_file_is_good_whatever_it_is": FalseGreen(
        "the same, one step on",
        "one file that somebody asked for was read by a reader that nobody had tried",
        (Guard("the auditor is tried before it reads one file, too", _no_self_test),),
    ),
    "test_successfully_scanned_whatever_failed": FalseGreen(
        "fixity",
        "“Successfully scanned N” was said whatever had failed",
        (
            Guard(
                "an audit passes only if all that was planned was done and passed, and no file was left unread",
                lambda stage: stage.patch.setattr(reports, "outcome_of", _ended_is_passed),
            ),
        ),
    ),
    "test_always_exit_0": FalseGreen(
        "Riprap",
        "the command ended with 0 whatever it had found",
        (Guard("one table turns outcomes into exit statuses", _all_statuses_0),),
    ),
    "test_a_crash_exits_0_and_leaves_no_record": FalseGreen(
        "Archivematica",
        "a crash ended with 0, and nothing was recorded",
        (
            Guard("every error has an exit status, a mistake of ours is 3", _crashes_are_0),
            Guard(
                "an audit that ends by an error is stopped in the journal, with the reason", _nothing_is_written_down
            ),
        ),
    ),
    "test_a_run_that_was_killed_is_forgotten": FalseGreen(
        "the same, one step on",
        "a run that died was nowhere to be seen",
        (
            Guard(
                "a run says who holds it; when that process is dead, the run has stopped",
                lambda stage: stage.patch.setattr(last_runs, "is_dead", lambda holder: False),
            ),
        ),
    ),
    "test_the_auditor_that_did_not_run_is_green": FalseGreen(
        "any cron job",
        "nothing ran for months, and nothing was red",
        (
            Guard(
                "whoever looks computes when a run was due; a late one is a concern",
                lambda stage: stage.patch.setattr(health, "_run_due_at", lambda *_: None),
            ),
        ),
    ),
    "test_a_service_that_died_is_green": FalseGreen(
        "any service",
        "a service that is dead says nothing, which looks like having nothing to say",
        (
            Guard(
                "the service leaves a sign of life; without it, it is silent",
                lambda stage: stage.patch.setattr(concerns, "silent", lambda *_: False),
            ),
        ),
    ),
    "test_a_failed_notifier_storms": FalseGreen(
        "DLP curate",
        "a letter that could not be sent was sent again: 250,000 in a night, read by nobody",
        (
            Guard(
                "three tries of a letter with growing waits, then one in `repeat`; the failing channel is a concern",
                lambda stage: stage.patch.setattr("checks.alarms._may_try_again", lambda *_: True),
            ),
        ),
    ),
}
