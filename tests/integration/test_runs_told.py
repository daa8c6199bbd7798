"""What the watcher, the log and the readers of letters hear of a run, whatever comes in between."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from preserve.app import alerts, runs
from preserve.audit.planning import Request
from preserve.catalog.rows import AuditState
from preserve.cli.main import main
from preserve.errors import StoppedError
from preserve.progress import Silent
from tests.support.receivers import Mailbox, WebServer, mail_server, web_server
from tests.support.serving import ROOT, audits_of, forget_readings, until
from tests.support.workspaces import PlacedWorkspace, make_workspace

DUE = Request(due=True)


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(alerts.URLS, raising=False)
    placed = make_workspace(tmp_path, packages=1, files=2)
    forget_readings(placed)
    return placed


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with web_server() as web:
        monkeypatch.setenv(alerts.PING_URL, f"http://127.0.0.1:{web.port}/watched")
        yield web


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mail_server() as box:
        monkeypatch.setenv(alerts.URLS, box.url)
        yield box


def pinged(watcher: WebServer) -> list[str]:
    return [path for path, _ in watcher.requests]


def unreadable(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_a_run_ends_though_nothing_can_be_said_of_it(placed: PlacedWorkspace) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "preserve", "audit", "--due", "--config", str(placed.folder / "preserve.toml")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert done.returncode == 0 and b"are good" in done.stdout
    assert {(audit.state, audit.planned - audit.done) for audit in audits_of(placed)} == {(AuditState.ENDED, 0)}


def test_a_service_reads_and_ends_as_asked_though_its_log_is_full(placed: PlacedWorkspace) -> None:
    with open("/dev/full", "wb") as full:
        service = subprocess.Popen(
            [sys.executable, "-m", "preserve", "serve", "--config", str(placed.folder / "preserve.toml")],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=full,
        )
    try:
        until("all was read", lambda: [audit for audit in audits_of(placed) if audit.state is AuditState.ENDED])
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
    finally:
        service.kill()
        service.wait()


def test_of_a_run_that_a_disk_brings_down_the_watcher_and_people_hear(
    placed: PlacedWorkspace, watcher: WebServer, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (placed.folder / "nas/.preserve/identity.json").write_bytes(
        (placed.folder / "disk/.preserve/identity.json").read_bytes()  # the wrong disk is told at once
    )
    assert main(["audit", "--due"]) in (1, 3)
    watcher.requests.clear()
    box.mails.clear()
    with placed.open() as workspace, workspace.catalog.writing() as connection:
        connection.exec_driver_sql("DELETE FROM alert")  # as if nobody had been told
    monkeypatch.setattr(runs.Run, "carry_out", unreadable)
    assert main(["audit", "--due"]) == 3
    assert pinged(watcher) == ["/watched/start", "/watched/fail"]
    assert b"Input/output error" in watcher.requests[-1][1]
    assert len(box.mails) == 1


def test_that_nobody_can_be_told_changes_nothing_about_a_run(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runs, "tell", unreadable)
    assert main(["audit", "--due"]) == 0
    assert "warning: Input/output error" in capsys.readouterr().err


def test_a_stop_in_the_test_of_the_auditor_is_no_failure(placed: PlacedWorkspace, watcher: WebServer) -> None:
    stop = threading.Event()
    stop.set()
    with placed.open() as workspace:
        told = runs.Service(workspace, Silent()).run_due((), stop)
        with pytest.raises(StoppedError):
            runs.run_due(workspace, DUE, Silent(), stop)
    assert told == "stopped before anything was read"
    assert pinged(watcher) == ["/watched/start", "/watched/start"]


def test_a_stop_in_the_midst_of_a_run_is_no_failure(placed: PlacedWorkspace, watcher: WebServer) -> None:
    stop = threading.Event()

    def begun(_: object) -> None:
        stop.set()

    with placed.open() as workspace:
        ran = runs.run_due(workspace, DUE, Silent(), stop, begun=begun)
    assert not runs.was_done(workspace, ran)
    assert pinged(watcher) == ["/watched/start"]


def test_a_run_that_was_done_when_the_stop_came_is_done(
    placed: PlacedWorkspace, watcher: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, carry_out = threading.Event(), runs.Run.carry_out

    def and_stop(run: runs.Run) -> runs.Ran:
        ran = carry_out(run)
        stop.set()
        return ran

    monkeypatch.setattr(runs.Run, "carry_out", and_stop)
    with placed.open() as workspace:
        runs.run_due(workspace, DUE, Silent(), stop)
    assert pinged(watcher) == ["/watched/start", "/watched"]
