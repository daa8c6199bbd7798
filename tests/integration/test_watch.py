"""`preserve watch` and `preserve plan` on a real workspace: what is not known is never green."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.concerns import ConcernCode
from preserve.app import workspace as workspaces
from preserve.app.health import damaged_canaries, health, metrics, self_test_failed, surveyed_things
from preserve.audit.holders import this_process
from preserve.catalog.rows import AuditState, Heartbeat
from preserve.cli.main import main
from preserve.daemon.serving import _metrics
from tests.support.bags import make_bag
from tests.support.workspaces import PlacedWorkspace, make_workspace

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    monkeypatch.chdir(tmp_path)
    return make_workspace(tmp_path, packages=2, files=6)


@pytest.fixture
def running(placed: PlacedWorkspace) -> PlacedWorkspace:
    """One whose schedule was run, and found nothing due."""
    run_due(placed)
    return placed


def run_due(
    placed: PlacedWorkspace,
    state: AuditState = AuditState.ENDED,
    reason: str = "",
    replicas: list[str] | None = None,
) -> None:
    """A run for what is due, as the catalog has it."""
    with placed.open() as workspace:
        scope = {"by": "test", "holder": this_process(), "due": True, "replicas": replicas or placed.replicas}
        audit = workspace.catalog.open_audit(scope, workspace.required, [], workspace.clock())
        workspace.catalog.end_audit(audit.id, state, workspace.clock(), reason=reason)


def take_in_another(placed: PlacedWorkspace, collection: str) -> None:
    folder = placed.folder / "another"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "page.txt").write_bytes(b"a page")
    make_bag(folder / "source", folder / "bag")
    assert main(["add", str(folder / "bag"), "--collection", collection, "--id", "another"]) == 0
    assert main(["replicate"]) == 0


def later(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> None:
    monkeypatch.setattr(workspaces, "utc_now", lambda: datetime.now(UTC) + span)


def watched(capsys: Capture) -> tuple[int, list[str]]:
    """The exit status, and the keys of all concerns that are more than warnings."""
    capsys.readouterr()
    status = main(["watch", "--json"])
    document = json.loads(capsys.readouterr().out)
    return status, [one["key"] for one in document["concerns"] if one["severity"] == "error"]


def test_a_workspace_whose_schedule_runs_is_green_and_says_why(running: PlacedWorkspace, capsys: Capture) -> None:
    assert watched(capsys) == (0, [])
    assert main(["watch"]) == 0
    assert "All is well: the last run began" in capsys.readouterr().out


def test_copies_that_no_run_ever_read_are_not_green(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watched(capsys) == (3, [])
    later(monkeypatch, DAY + 7 * HOUR)
    assert watched(capsys) == (3, ["run-late:abroad", "run-late:disk", "run-late:nas"])
    assert main(["status"]) == 3, "nor is it in the status, once there should have been one"


def test_a_collection_with_a_promise_of_its_own_is_overdue_when_that_is_broken_and_not_before(
    running: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = running.folder / "preserve.toml"
    with running.open() as workspace:
        (name, *_) = {package.collection for package in workspace.catalog.packages()}
    settings.write_text(settings.read_text() + f'\n[collection."{name}"]\nmax_age = "50m"\ntarget_age = "30m"\n')
    text = settings.read_text().replace('every = "1d"', 'every = "10m"').replace('max_age = "90d"', 'max_age = "1h"')
    text = text.replace('target_age = "60d"', 'target_age = "40m"\ngrace = "5m"')
    settings.write_text(text)
    take_in_another(running, collection="another")
    run_due(running)
    assert "overdue:nas" not in watched(capsys)[1]
    later(monkeypatch, timedelta(minutes=49))
    assert "overdue:nas" not in watched(capsys)[1]
    later(monkeypatch, timedelta(minutes=51))
    assert "overdue:nas" in watched(capsys)[1]


def test_a_schedule_that_stood_still_is_noticed(
    running: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, DAY + 5 * HOUR)
    assert watched(capsys) == (0, [])
    later(monkeypatch, DAY + 7 * HOUR)
    assert watched(capsys)[1] == ["run-late:abroad", "run-late:disk", "run-late:nas"]


@pytest.mark.parametrize("option", [[], ["--nagios"], ["--metrics"], ["--json"]])
def test_no_settings_no_catalog_and_no_copies_are_never_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, option: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["watch", *option]) != 0, "no settings"
    assert main(["init"]) == 0
    assert main(["watch", *option]) == 3, "no copies"
    (tmp_path / "catalog.sqlite").write_bytes(b"this is no catalog" * 1000)
    assert main(["watch", *option]) != 0, "no catalog that could be read"
    (tmp_path / "catalog.sqlite").unlink()
    capsys.readouterr()
    assert main(["watch", *option]) != 0, "no catalog"
    out = capsys.readouterr().out
    assert option != ["--nagios"] or out.startswith("PRESERVE UNKNOWN - ")
    assert option != ["--metrics"] or "preserve_up 0.0" in out


def test_a_service_that_fell_silent_is_a_concern_and_one_that_said_goodbye_is_none(
    running: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running.open() as workspace:
        now = workspace.clock()
        beat = Heartbeat(
            at=now,
            holder="here:1:1",
            host="here",
            every_seconds=30.0,
            next_run_at=now + DAY,
            audit_id=None,
            version="0",
        )
        workspace.catalog.beat(beat)
    later(monkeypatch, 4 * MINUTE)
    assert watched(capsys) == (0, [])
    later(monkeypatch, 6 * MINUTE)
    assert watched(capsys) == (3, ["silent"])
    with running.open() as workspace:
        goodbye = Heartbeat(
            at=now, holder="", host="here", every_seconds=30.0, next_run_at=None, audit_id=None, version="0"
        )
        workspace.catalog.beat(goodbye)
    assert watched(capsys) == (0, [])


def test_a_clock_that_was_set_back_is_told_and_makes_nothing_look_fresh(
    running: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, -2 * DAY)
    assert watched(capsys) == (3, ["clock-wrong"])
    assert main(["status"]) == 3


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("hours", []), ("budget-time", []), ("replica-unavailable", ["run-stopped"]), ("", ["run-stopped"])],
)
def test_a_run_that_stopped_otherwise_than_by_its_limits_is_a_concern(
    running: PlacedWorkspace, capsys: Capture, reason: str, expected: list[str]
) -> None:
    run_due(running, AuditState.STOPPED, reason)
    assert watched(capsys)[1] == expected


def test_a_run_that_went_wrong_is_not_hidden_by_a_later_one_over_another_replica(
    running: PlacedWorkspace, capsys: Capture
) -> None:
    run_due(running, AuditState.STOPPED, "died", replicas=["nas"])
    run_due(running, replicas=["disk"])
    assert watched(capsys) == (3, ["run-stopped"])
    run_due(running, replicas=["nas"])
    assert watched(capsys) == (0, [])


def test_while_a_long_run_goes_on_no_other_is_late(
    running: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running.open() as workspace:
        copy = workspace.catalog.copies()[0]
        shard = workspace.catalog.shards(copy.inventory_id)[0]
        scope = {"holder": this_process(), "due": True, "replicas": ["nas", "disk"]}
        audit = workspace.catalog.open_audit(scope, workspace.required, [(copy.id, shard.id)], workspace.clock())
        just_now = workspace.clock() + 3 * DAY - MINUTE
        workspace.catalog.lease(audit.id, copy.id, this_process(), just_now, ttl_seconds=120)
    later(monkeypatch, 3 * DAY)
    assert watched(capsys) == (3, ["run-late:abroad"])


def test_a_run_whose_process_died_is_a_concern_before_anybody_settles_it(
    running: PlacedWorkspace, capsys: Capture
) -> None:
    with running.open() as workspace:
        scope = {"holder": f"{socket.gethostname()}:999999999:1", "due": True}
        workspace.catalog.open_audit(scope, workspace.required, [], workspace.clock())
    assert watched(capsys) == (3, ["run-stopped"])


def test_damage_ends_with_1_and_is_named_with_its_replica(running: PlacedWorkspace, capsys: Capture) -> None:
    victim = next(path for path in running.copy("nas", "box-0").rglob("*.bin") if path.stat().st_size > 100)
    victim.write_bytes(victim.read_bytes()[:-1] + b"\0\1")
    running.audit()
    status, keys = watched(capsys)
    assert status == 1 and "damaged:nas" in keys
    assert main(["watch", "--nagios"]) == 2
    assert "PRESERVE CRITICAL" in capsys.readouterr().out
    with running.open() as workspace:
        assert 'preserve_damaged_files{replica="nas"} 1.0' in metrics(workspace)


def test_a_replica_that_is_away_is_told_unless_it_may_be(running: PlacedWorkspace, capsys: Capture) -> None:
    shutil.move(running.folder / "disk", running.folder / "taken away")
    assert watched(capsys) == (3, ["replica-away:disk"])
    settings = running.folder / "preserve.toml"
    text = settings.read_text("utf-8")
    table = text.index("[replica.disk]") + len("[replica.disk]")
    settings.write_text(f"{text[:table]}\noffline = true{text[table:]}", "utf-8")
    assert watched(capsys) == (0, [])


def test_what_is_overdue_is_counted_by_its_own_promise(
    running: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = running.folder / "preserve.toml"
    text = settings.read_text("utf-8")
    table = text.index("[replica.disk]") + len("[replica.disk]")
    settings.write_text(f'{text[:table]}\nmax_age = "400d"{text[table:]}', "utf-8")
    later(monkeypatch, 91 * DAY)
    keys = watched(capsys)[1]
    assert {"overdue:nas", "overdue:abroad"} <= set(keys) and "overdue:disk" not in keys


def test_a_journal_that_was_cut_back_is_altered(running: PlacedWorkspace, capsys: Capture) -> None:
    before = (running.folder / "catalog.sqlite").read_bytes()
    run_due(running)
    assert main(["catalog", "backup"]) == 0
    for name in running.folder.glob("catalog.sqlite*"):
        name.unlink()
    (running.folder / "catalog.sqlite").write_bytes(before)
    status, keys = watched(capsys)
    assert (status, keys) == (1, ["record-altered"])


def test_the_status_carries_the_concerns_and_is_never_better_than_they_are(
    running: PlacedWorkspace, capsys: Capture
) -> None:
    run_due(running, AuditState.STOPPED, "died")
    capsys.readouterr()
    assert main(["status", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "inconclusive"
    assert "run-stopped" in [one["key"] for one in document["concerns"]]
    assert main(["status"]) == 3
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("? the last run (audit 2) stopped before its end")


def test_what_runs_write_down_of_themselves_is_understood() -> None:
    assert self_test_failed({"outcome": "fail", "why": "a wrong file passed"}) == "a wrong file passed"
    assert self_test_failed({"outcome": "pass"}) == self_test_failed({}) == ""
    assert damaged_canaries({"outcome": "pass", "damaged": ["4096.bin"]}) == "4096.bin"
    assert surveyed_things({"bags": 0, "folders": 0, "files": 0, "more": 0}) == {}
    assert surveyed_things({"bags": 1, "files": 2, "examples": ["x"]}) == {
        "bags": 1, "folders": 0, "files": 2, "example": "x"
    }  # fmt: skip
    assert surveyed_things({"bags": 0, "folders": 0, "files": 10_000, "more": 15_000, "examples": ["x"]}) == {
        "bags": 0, "folders": 0, "files": 10_000, "more": 15_000, "example": "x"
    }  # fmt: skip


def test_plans_end_by_whether_the_promise_is_kept(placed: PlacedWorkspace, capsys: Capture) -> None:
    assert main(["plan"]) == 3, "nothing was measured"
    assert main(["plan", "--budget", "10GB"]) == 0
    capsys.readouterr()
    assert main(["plan", "--replica", "nas", "--budget", "10B"]) == 2
    captured = capsys.readouterr()
    assert "nas: the promise of 90 d cannot be kept. This would keep it: budget = " in captured.err
    assert "abroad" not in captured.out
    assert main(["plan", "--budget", "much"]) == 2
    assert main(["plan", "--replica", "nobody"]) == 2
    capsys.readouterr()
    assert main(["plan", "--json", "--rate", "1MB/s", "--price", "0.09"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "pass"
    assert document["replicas"][0]["as_asked"]["capacity_bytes_a_day"] == 86_400_000_000


def test_what_a_plan_advises_keeps_the_promise_when_it_is_set(placed: PlacedWorkspace, capsys: Capture) -> None:
    capsys.readouterr()
    assert main(["plan", "--replica", "nas", "--budget", "10B"]) == 2
    advised = capsys.readouterr().err.split('budget = "')[1].split('"')[0]
    assert main(["plan", "--replica", "nas", "--budget", advised]) == 0


def test_a_reader_that_goes_away_makes_no_damage_of_it(placed: PlacedWorkspace) -> None:
    command = [sys.executable, "-m", "preserve", "plan"]
    process = subprocess.Popen(command, cwd=placed.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 3


def test_health_forecasts_each_replica_that_has_copies(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        found = health(workspace)
    assert set(found.forecasts) == set(placed.replicas)
    assert found.heartbeat is None


def test_metrics_that_cannot_be_served_are_a_concern_as_long_as_that_service_lives(placed: PlacedWorkspace) -> None:
    said = list[str]()
    with socket.socket() as taken, placed.open() as workspace:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serve = replace(workspace.settings.serve, metrics=taken.getsockname())
        workspace.settings = replace(workspace.settings, serve=serve)
        with _metrics(workspace, said.append):
            assert any("nothing can listen" in line for line in said)
        told = {"every_seconds": 30.0, "host": "here", "next_run_at": None, "audit_id": None, "version": "1"}

        def keys(holder: str) -> list[str]:
            workspace.catalog.beat(Heartbeat(at=workspace.clock(), holder=holder, **told))  # type: ignore[arg-type]
            return [one.key for one in health(workspace).concerns]

        assert "metrics-failed" in keys(this_process())
        assert "metrics-failed" not in keys("another:1:1")
        assert "metrics-failed" not in keys("")


def test_a_head_that_can_be_left_no_more_is_a_concern_until_it_can(placed: PlacedWorkspace, capsys: Capture) -> None:
    def told() -> list[str]:
        capsys.readouterr()
        main(["audit"])
        with placed.open() as workspace:
            return [one.key for one in health(workspace).concerns if one.code is ConcernCode.HEAD_NOT_LEFT]

    heads = placed.folder / "nas/.preserve/heads"
    assert told() == []
    with placed.open() as workspace:
        assert workspace.catalog.latest_by_replica("head-left") == {}, "what is as it should be lengthens no journal"
    heads.rename(placed.folder / "elsewhere")
    ways: tuple[Callable[[], None], ...] = (
        heads.touch,
        lambda: heads.symlink_to(placed.folder / "elsewhere"),
        lambda: os.mkfifo(heads),
    )
    for stands in ways:
        stands()
        assert told() == told() == ["head-not-left:nas"]
        heads.unlink()
    (placed.folder / "elsewhere").rename(heads)
    assert told() == []


def test_a_heads_file_of_any_size_silences_nobody(placed: PlacedWorkspace, capsys: Capture) -> None:
    main(["audit"])
    (file,) = (placed.folder / "nas/.preserve/heads").iterdir()
    os.truncate(file, 200 << 30)
    main(["audit"])
    capsys.readouterr()
    main(["watch"])
    assert "far too large" in capsys.readouterr().out
    main(["catalog", "check"])
    assert "far too large" in capsys.readouterr().out


def test_a_file_of_addresses_that_is_not_there_is_told_before_a_letter_is_due(
    running: PlacedWorkspace, capsys: Capture
) -> None:
    settings = running.folder / "preserve.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("\n[alerts]\n", '\n[alerts]\nurls_file = "nowhere"\n'), "utf-8"
    )
    assert watched(capsys) == (3, ["channel-failed"])


def test_an_empty_folder_in_the_place_of_an_offline_disk_is_a_warning(
    running: PlacedWorkspace, capsys: Capture
) -> None:
    shutil.move(running.folder / "disk", running.folder / "taken away")
    (running.folder / "disk").mkdir()
    settings = running.folder / "preserve.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("[replica.disk]", "[replica.disk]\noffline = true"), "utf-8"
    )
    assert watched(capsys) == (0, [])
    assert main(["watch"]) == 0
    assert "no identity file in it: an empty mount or another disk (empty-place:disk)" in capsys.readouterr().out


def test_it_never_claims_that_every_byte_was_read_where_a_copy_is_missing(
    running: PlacedWorkspace, capsys: Capture
) -> None:
    shutil.rmtree(running.copy("nas", "box-0"))
    running.audit()
    capsys.readouterr()
    assert main(["watch"]) == 1
    assert "; every byte of" not in capsys.readouterr().out


def test_a_promise_of_minutes_is_planned_by_minutes(running: PlacedWorkspace, capsys: Capture) -> None:
    settings = running.folder / "preserve.toml"
    text = settings.read_text("utf-8")
    commented = re.sub("^(max_age|target_age|every) =", r"# \\1 =", text, flags=re.M)
    settings.write_text(commented.replace("\n[audit]\n", '\n[audit]\nmax_age = "50m"\nevery = "1m"\n'), "utf-8")
    capsys.readouterr()
    main(["plan", "--budget", "10kB", "--json"])
    for replica in json.loads(capsys.readouterr().out)["replicas"]:
        assert all(0 <= bar["seconds"] < 600 for bar in replica["by_age"]) and replica["today"]["overdue_shards"] == 0
        asked = replica["as_asked"]
        assert asked["runs_for_a_pass"] == -(-asked["bytes"] // 10_000)
