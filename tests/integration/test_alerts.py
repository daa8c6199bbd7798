"""Alerts from damage on a disk to the letter in a mailbox, over real servers, with the clock of the test."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.concerns import Concern, ConcernCode
from checks.evidence import Outcome
from preserve.alerts import channels
from preserve.app import alerts
from preserve.app.health import health
from preserve.app.workspace import Workspace
from preserve.cli.main import main
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.locking import locked
from tests.support.receivers import Mailbox, WebServer, mail_server, web_server
from tests.support.workspaces import PlacedWorkspace, make_workspace

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(alerts.URLS, raising=False)
    monkeypatch.delenv(alerts.PING_URL, raising=False)
    return make_workspace(tmp_path, packages=1, files=6)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as web:
        yield web


def set_urls(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setenv(alerts.URLS, " ".join(urls))


def lost(files: int = 5000) -> Concern:
    told = {"files": f"{files:,}", "packages": "3"}
    return Concern(code=ConcernCode.LOST, replica="nas", magnitude=files, parameters=told)


def damaged(files: int = 5000) -> Concern:
    told = {"files": f"{files:,}", "packages": "3"}
    return Concern(code=ConcernCode.DAMAGED, replica="nas", magnitude=files, parameters=told)


def tell(workspace: Workspace, *concerns: Concern, at: datetime = NOON) -> list[channels.Delivery]:
    return alerts.tell(workspace, concerns, now=at)


def texts(box: Mailbox) -> list[str]:
    return [mail.get_content() for mail in box.mails]


def test_five_thousand_findings_of_one_run_are_one_letter(
    tmp_path: Path, box: Mailbox, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    placed = make_workspace(tmp_path, packages=3, files=1700)
    set_urls(monkeypatch, box.url, web.url)
    for package in placed.packages:
        for file in placed.copy("nas", package).glob("data/**/*.bin"):
            file.write_bytes(file.read_bytes() + b"x")
    placed.audit()
    with placed.open() as workspace:
        standing = health(workspace).concerns
        first = alerts.tell(workspace, standing, now=NOON)
        assert all(alerts.tell(workspace, standing, now=NOON + timedelta(minutes=n)) == [] for n in range(1, 10))
        head = workspace.catalog.head()[1].hex()
    assert [one.ok for one in first] == [True, True]
    assert len(box.mails) == len(web.requests) == 1
    assert box.mails[0]["Subject"].startswith("[preserve] nas: 5,100 of 5,1")
    text = box.mails[0].get_content()
    assert "5,100 files of 3 packages are not as they were taken in" in text
    assert "and 5,090 more" in text and "3 packages can be mended" in text and head in text
    assert len(text.splitlines()) <= 100


def test_a_channel_that_fails_is_shown_and_keeps_no_other_from_it(
    placed: PlacedWorkspace, box: Mailbox, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.status = 500
    set_urls(monkeypatch, web.url.replace("127", "user:s3cret@127") + "s3cret", box.url)
    with placed.open() as workspace:
        for minutes in range(0, 24 * 60, 5):
            tell(workspace, lost(), at=NOON + timedelta(minutes=minutes))
        failed = [row for row in workspace.catalog.channels() if row.failed_at]
        assert [(row.name, row.why) for row in failed] == [("json://127.0.0.1", "it answered 500")]
        assert ConcernCode.CHANNEL_FAILED in {concern.code for concern in health(workspace).concerns}
        tell(workspace, lost(), at=NOON + 2 * DAY)
    assert len(box.mails) == 2
    assert len(web.requests) == 4  # three tries, then one a day
    for file in placed.folder.glob("catalog.sqlite*"):
        assert b"s3cret" not in file.read_bytes()


def test_a_channel_that_hangs_is_recorded(
    placed: PlacedWorkspace, box: Mailbox, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels.send_each, "__kwdefaults__", {"deadline_seconds": 4.0})
    web.hangs = True
    set_urls(monkeypatch, web.url, box.url)
    with placed.open() as workspace:
        tell(workspace, lost())
        assert ["no answer" in row.why for row in workspace.catalog.channels() if row.failed_at] == [True]
    assert len(box.mails) == 1


def test_acknowledged_is_told_no_more_and_worse_speaks_again_and_gone_is_told(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)
    with placed.open() as workspace:
        tell(workspace, lost(5))
        workspace.clock = lambda: NOON + HOUR
        assert alerts.acknowledge(workspace, ["lost:nas"], [lost(5)], note="Sok looks for the tape") == ["lost:nas"]
        for day in range(1, 5):
            assert tell(workspace, lost(5), at=NOON + day * DAY) == []
        [worse] = tell(workspace, lost(6), at=NOON + 5 * DAY)
        assert worse.title == "[preserve] nas: 6 files of 3 packages cannot be made whole from any copy that is known"
        assert tell(workspace, at=NOON + 5 * DAY + HOUR) == []
        [gone] = tell(workspace, at=NOON + 6 * DAY)
        assert gone.title.startswith("[preserve] no longer so: nas: 6 files")
        assert tell(workspace, at=NOON + 7 * DAY) == []
        links = [json.loads(link.body) for link in workspace.catalog.journal() if link.kind == "alert-acknowledged"]
    assert [(link["note"], link["alerts"]) for link in links] == [("Sok looks for the tape", ["lost:nas"])]
    assert len(box.mails) == 3


def test_without_a_channel_nothing_counts_as_sent(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with placed.open() as workspace:
        assert tell(workspace, lost()) == []
        assert [(row.key, row.sent_at) for row in workspace.catalog.alerts()] == [("lost:nas", None)]
        set_urls(monkeypatch, box.url)
        assert len(tell(workspace, lost(), at=NOON + HOUR)) == 1
        assert [row.sent_at for row in workspace.catalog.alerts()] == [NOON + HOUR]


def test_what_cannot_be_written_down_is_not_sent(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)
    with placed.open() as workspace:
        tell(workspace)

        def full(rows: object) -> None:
            raise UndeterminedError("no space left")

        monkeypatch.setattr(workspace.catalog, "save_alerts", full)
        for minutes in range(20):
            with pytest.raises(UndeterminedError):
                tell(workspace, lost(), at=NOON + timedelta(minutes=minutes))
    assert box.mails == []


def test_killed_between_sending_and_writing_it_down_it_sends_again_but_not_for_ever(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(alerts, "_mark_taken", killed)
    with placed.open() as workspace:
        for minutes in range(0, 23 * 60, 7):
            try:
                tell(workspace, lost(), at=NOON + timedelta(minutes=minutes))
            except KeyboardInterrupt:
                continue
    assert len(box.mails) == 3


def test_two_processes_do_not_tell_the_same(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)
    with placed.open() as workspace:
        lock = os.fsencode(workspace.settings.catalog.path) + b".alerts.lock"
        with locked(lock, busy="", remedy=""), pytest.raises(UndeterminedError, match="just now"):
            tell(workspace, lost())
        tell(workspace, lost())
    assert len(box.mails) == 1


def test_a_missing_package_is_said_and_costs_no_try(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)
    with placed.open() as workspace:
        with monkeypatch.context() as missing:
            missing.setattr(channels, "find_spec", lambda _: None)
            for minutes in range(9):
                with pytest.raises(UsageError, match="apprise"):
                    tell(workspace, lost(), at=NOON + timedelta(minutes=minutes))
            assert "not installed" in workspace.catalog.channels()[0].why
        tell(workspace, lost(), at=NOON + timedelta(minutes=10))
        assert workspace.catalog.channels()[0].failed_at is None
    assert len(box.mails) == 1


def test_the_command_tries_every_channel(
    placed: PlacedWorkspace,
    box: Mailbox,
    web: WebServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert main(["alert", "--test"]) == 2
    told = capsys.readouterr().err
    assert "no channel is set" in told and "urls_file" in told
    set_urls(monkeypatch, box.url, web.url)
    assert main(["alert", "--test"]) == 0
    assert [mail["Subject"] for mail in box.mails] == ["[preserve] test: letters arrive here"]
    web.status = 503
    capsys.readouterr()
    assert main(["alert", "--test", "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["counts"] == {"sent": 1, "failed": 1}
    assert [(one["channel"], one["why"]) for one in answer["deliveries"]][1] == ("json://127.0.0.1", "it answered 503")
    set_urls(monkeypatch, box.url)
    assert main(["alert", "--test"]) == 0
    with placed.open() as workspace:
        assert [row.name for row in workspace.catalog.channels()] == ["mailto://127.0.0.1"]


def test_a_file_of_addresses_that_others_can_read_is_refused_and_shown(
    placed: PlacedWorkspace,
    box: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    urls = placed.folder / "urls"
    urls.write_text(f"# mail\n\n{box.url}\n")
    settings = placed.folder / "preserve.toml"
    settings.write_text(settings.read_text().replace("[alerts]", '[alerts]\nurls_file = "urls"'))
    urls.chmod(0o644)
    assert main(["alert", "--test"]) == 2
    assert "chmod 600" in capsys.readouterr().err
    with placed.open() as workspace:
        assert tell(workspace, lost()) == []
        assert "others than its owner" in workspace.catalog.channels()[0].why
        urls.chmod(0o600)
        assert [one.ok for one in tell(workspace, lost(), at=NOON + HOUR)] == [True]
        assert [row.name for row in workspace.catalog.channels() if row.failed_at] == []


def test_causes_are_acknowledged_by_name(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(placed.copy("nas", "box-0").glob("data/**/*.bin"))
    file.write_bytes(file.read_bytes() + b"x")
    placed.audit()
    set_urls(monkeypatch, box.url)
    capsys.readouterr()
    assert main(["acknowledge", "--note", "x"]) == 2
    assert main(["acknowledge", "damaged:nas"]) == 2
    assert main(["acknowledge", "damaged:nas", "--note", "  "]) == 2
    assert main(["acknowledge", "damaged:usb", "--note", "x"]) == 2
    assert "What stands now: " in capsys.readouterr().err
    assert main(["acknowledge", "damaged:nas", "--note", "Sok repairs it", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["acknowledged"] == ["damaged:nas"]
    with placed.open() as workspace:
        now = workspace.clock()
        tell(workspace, *[one for one in health(workspace).concerns if one.key == "damaged:nas"], at=now + 3 * DAY)
        assert workspace.catalog.verify_journal() is None
    assert box.mails == []


def test_names_from_a_disk_stay_names(
    placed: PlacedWorkspace, box: Mailbox, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = placed.copy("nas", "box-0") / "data" / "a\r\nBcc: x@evil.org\n<script>\u202egpj.exe"
    bad.write_bytes(b"x")
    placed.audit()
    set_urls(monkeypatch, box.url, web.url)
    with placed.open() as workspace:
        found = workspace.catalog.newest_findings(Outcome.FAIL, "nas", 10) or workspace.catalog.findings()
        assert any(row.finding.path and b"Bcc" in row.finding.path for row in found)
        why = Concern(
            code=ConcernCode.RECORD_ALTERED, replica="nas", parameters={"why": os.fsdecode(bad.name)}, magnitude=1
        )
        tell(workspace, lost(), why, damaged())
        tell(workspace, damaged(), at=NOON + DAY)
    for mail in box.mails:
        assert mail["Bcc"] is None and "\n" not in mail["Subject"] and mail.get_content_type() == "text/plain"
        assert "<script" not in mail.get_content() and "\u202e" not in mail.get_content()
    assert b"<script" not in b"".join(body for _, body in web.requests)
    assert any("Bcc" in mail.get_content() for mail in box.mails)


def test_pings_go_to_the_watcher_and_their_failure_is_shown(
    placed: PlacedWorkspace, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with placed.open() as workspace:
        assert alerts.ping(workspace, "start") is None
        monkeypatch.setenv(alerts.PING_URL, f"http://127.0.0.1:{web.port}/s3cret")
        started = alerts.ping(workspace, "start", "audit 1")
        assert started is not None and started.ok and web.requests == [("/s3cret/start", b"audit 1")]
        web.status = 404
        alerts.ping(workspace, "ok")
        [row] = workspace.catalog.channels()
        assert (row.name, row.why) == ("ping http://127.0.0.1", "it answered 404")
        assert ConcernCode.CHANNEL_FAILED in {concern.code for concern in health(workspace).concerns}


def test_the_process_of_the_command_says_no_secret(placed: PlacedWorkspace) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        alerts.URLS: "json://user:s3cret@127.0.0.1:1/s3cret?+x=s3cret tgram-s3cret xml://s3cret:1/",
    }
    done = subprocess.run(
        [sys.executable, "-m", "preserve", "alert", "--test"],
        cwd=placed.folder,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "json://127.0.0.1: the connection was refused" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


def test_the_test_pings_without_a_sign_of_a_run_and_takes_the_failure_back(
    placed: PlacedWorkspace, web: WebServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(alerts.PING_URL, f"http://127.0.0.1:{web.port}/s3cret")
    with placed.open() as workspace:
        web.status = 404
        alerts.ping(workspace, "ok")
        assert ConcernCode.CHANNEL_FAILED in {concern.code for concern in health(workspace).concerns}
        web.requests.clear()
        assert main(["alert", "--test"]) == 3
        web.status = 200
        capsys.readouterr()
        assert main(["alert", "--test"]) == 0
        assert "ping http://127.0.0.1" in capsys.readouterr().out
        assert {path for path, _ in web.requests} == {"/s3cret/log"}
        assert ConcernCode.CHANNEL_FAILED not in {concern.code for concern in health(workspace).concerns}


def test_a_ping_that_is_set_no_more_fails_no_more(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = placed.folder / "preserve.toml"
    before = settings.read_text()
    settings.write_text(before.replace("[alerts]", '[alerts]\nping_url_file = "ping-url"'))
    with placed.open() as workspace:
        alerts.ping(workspace, "start")
        assert [row.name for row in workspace.catalog.channels() if row.failed_at] == [alerts.PING]
    settings.write_text(before)
    assert main(["alert", "--test"]) == 2
    with placed.open() as workspace:
        assert workspace.catalog.channels() == []


def test_more_than_fifty_addresses_are_an_error_and_fifty_are_told(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = list[str]()

    def sent(to: dict[str, str], messages: dict[str, list[channels.Message]]) -> list[channels.Delivery]:
        told.extend(to)
        return [channels.Delivery(channel=name, ok=True, title=one.title) for name in to for one in messages[name]]

    monkeypatch.setattr(channels, "send_each", sent)
    set_urls(monkeypatch, *(f"json://host{number}.example.org/" for number in range(300)))
    with placed.open() as workspace:
        tell(workspace, lost())
        assert len(told) == 50
        [row] = [row for row in workspace.catalog.channels() if row.failed_at]
        assert "there are 300 addresses" in row.why
    told.clear()
    assert main(["alert", "--test"]) == 2
    assert "50 at most" in capsys.readouterr().err and told == []


def test_the_concern_and_the_letter_name_the_package_that_is_gone_and_where_it_is_good(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)
    (package,) = placed.packages
    shutil.rmtree(placed.copy("nas", package))
    placed.audit()
    with placed.open() as workspace:
        found = {one.key: one.message for one in health(workspace).concerns}
        assert found["damaged:nas"].endswith("is good on abroad or disk")
        tell(workspace, *health(workspace).concerns, at=NOON)
        tell(workspace, *health(workspace).concerns, at=NOON + DAY)
    (text,) = (text for text in texts(box) if "damaged:nas" in text)
    assert "1 package can be mended: every file is good on abroad or disk" in text


def test_of_several_causes_two_that_went_away_are_told_once_as_gone_while_another_goes_on(
    placed: PlacedWorkspace, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_urls(monkeypatch, box.url)
    away = [Concern(code=ConcernCode.REPLICA_AWAY, replica=name, parameters={"why": "x"}) for name in ("nas", "usb")]
    with placed.open() as workspace:
        tell(workspace, lost(), damaged(), *away, at=NOON)
        for hours in range(1, 24 * 4):
            tell(workspace, *([lost(), damaged(), *away] if hours < 30 else [lost()]), at=NOON + hours * HOUR)
    told = [text for text in texts(box) if "NO LONGER SO" in text]
    assert len(told) == 1, texts(box)
    gone = told[0].split("NO LONGER SO")[1]
    assert "- nas: 5,000 files of 3 packages" in gone and "- nas: it is not there" in gone and "- usb:" in gone
