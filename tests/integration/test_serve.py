"""`preserve serve` as real processes: it reads what is due, ends when asked whatever hangs, and two share no work."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from checks import inventory
from preserve.catalog.rows import AuditState
from tests.support.bags import make_bag
from tests.support.serving import ROOT, Served, audits_of, forget_readings, set_audit, until
from tests.support.workspaces import PlacedWorkspace, keep, make_workspace

DISTURBED = "tests.support.disturbed"
NEXT = r"next run: (now|[0-9: -]+)"


def checks_of(placed: PlacedWorkspace) -> list[tuple[int, int, int]]:
    """(audit, copy, shard) of each check of a due audit, in order."""
    with placed.open() as workspace, workspace.catalog.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT audit_id, copy_id, shard_id FROM shard_check WHERE audit_id IS NOT NULL ORDER BY number"
        )
        return [(audit, copy, shard) for audit, copy, shard in rows]


def large_file(folder: Path, size: int = 48 << 20) -> PlacedWorkspace:
    """One package, on one replica, that takes long to read through `DISTURBED`."""
    (folder / "source").mkdir()
    (folder / "source" / "film.mkv").write_bytes(os.urandom(size))
    (folder / "source" / "title.txt").write_bytes(b"a film")
    make_bag(folder / "source", folder / "bags" / "film")
    keep(folder, [folder / "bags" / "film"], placed=("nas",))
    placed = PlacedWorkspace(folder, ["film"], ["nas"], {}, {}, {})
    assert forget_readings(placed) == 1
    return placed


def left_of_the_last(placed: PlacedWorkspace) -> tuple[AuditState, int]:
    """How the last due audit ended, and how many shards it left undone."""
    last = audits_of(placed)[-1]
    return last.state, last.planned - last.done


def test_the_service_says_what_it_will_do_reads_what_is_due_and_ends_when_asked(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=1, files=6)
    set_audit(tmp_path, every="1s", max_age="2s", target_age="1s", grace="1s")
    file = next(placed.copy("nas", "box-0").glob("data/**/*.bin"))
    file.write_bytes(file.read_bytes() + b"x")
    with Served(tmp_path) as service:
        until("damage found", lambda: [a for a in audits_of(placed) if a.failed and a.state is AuditState.ENDED])
        status, _ = service.end()
    assert status == 0
    for name in ("nas", "disk", "abroad"):
        assert f"{name}: all read within 2s (aimed at: 1s), every 1s, at any hour; next run: now" in service.told
    assert "leads: reads what is due" in service.told and "1 failed" in service.told
    assert service.told.endswith("stopped\n")
    with placed.open() as workspace:
        assert {row.replica for row in workspace.catalog.findings()} == {"nas"}
        assert workspace.catalog.running_audits() == []
        assert workspace.catalog.verify_journal() is None


def test_asked_to_end_while_a_large_file_is_read_it_ends_and_the_file_counts_as_unread(tmp_path: Path) -> None:
    placed = large_file(tmp_path)
    reading = tmp_path / "reading"
    slow = {"PRESERVE_TEST_SLOW": "film.mkv", "PRESERVE_TEST_READING": str(reading)}
    with Served(tmp_path, module=DISTURBED, environment=slow) as service:
        until("a large file is read", reading.exists)
        status, seconds = service.end()
    assert status == 0 and seconds < 10
    state, left = left_of_the_last(placed)
    assert state is AuditState.STOPPED and left == 1
    assert checks_of(placed) == []


def test_asked_to_end_while_a_read_hangs_it_ends_and_the_next_service_reads_it(tmp_path: Path) -> None:
    placed = large_file(tmp_path, size=1 << 20)
    reading = tmp_path / "reading"
    hangs = {"PRESERVE_TEST_HANG": "film.mkv", "PRESERVE_TEST_READING": str(reading)}
    with Served(tmp_path, module=DISTURBED, environment=hangs) as service:
        until("a file is read", reading.exists)
        status, seconds = service.end()
    assert status == 0 and seconds < 10
    assert checks_of(placed) == []
    with Served(tmp_path) as service:
        until("all was read", lambda: left_of_the_last(placed) == (AuditState.ENDED, 0))
        assert service.end()[0] == 0
    assert len(checks_of(placed)) == 1


def test_ctrl_c_ends_it_as_interrupted(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    with Served(tmp_path) as service:
        service.says("leads: reads what is due")
        status, seconds = service.end(signal.SIGINT)
    assert status == 130 and seconds < 10
    assert service.told.endswith("stopped\n") and "Traceback" not in service.told


def test_a_run_that_was_killed_is_late_and_is_run_once(tmp_path: Path) -> None:
    placed = large_file(tmp_path)
    set_audit(tmp_path, every="1h")
    reading = tmp_path / "reading"
    slow = {"PRESERVE_TEST_SLOW": "film.mkv", "PRESERVE_TEST_READING": str(reading)}
    with Served(tmp_path, module=DISTURBED, environment=slow) as service:
        until("a large file is read", reading.exists)
        service.kill()
    with Served(tmp_path) as service:
        service.says("next run: now")
        until("all was read", lambda: left_of_the_last(placed) == (AuditState.ENDED, 0))
        service.end()
    with Served(tmp_path) as service:
        service.says("leads: reads what is due")
        service.end()
    assert "now" not in re.findall(NEXT, service.told)
    assert [row.state for row in audits_of(placed)] == [AuditState.STOPPED, AuditState.ENDED]
    assert len(checks_of(placed)) == 1


def test_of_two_services_one_stands_by_and_takes_over_when_the_first_is_killed(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    with Served(tmp_path, name="first") as first:
        first.says("leads: reads what is due")
        with Served(tmp_path, name="second") as second:
            second.says("standing by")
            first.kill()
            assert second.says("leads: reads what is due") < 10
            assert second.end()[0] == 0


def test_of_two_services_one_takes_over_at_once_from_one_that_was_asked_to_end(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    with Served(tmp_path, name="first") as first:
        first.says("leads: reads what is due")
        with Served(tmp_path, name="second") as second:
            second.says("standing by")
            first.end()
            assert second.says("leads: reads what is due") < 10


def test_two_services_read_no_shard_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "SHARD_FILES", 3)
    placed = make_workspace(tmp_path, packages=1, files=200)
    set_audit(tmp_path, every="1s", max_age="1d", target_age="1h", grace="1s")
    shards = forget_readings(placed)
    assert shards >= 200
    with Served(tmp_path, name="first") as first, Served(tmp_path, name="second") as second:
        until("several runs", lambda: len(audits_of(placed)) >= 4)
        first.kill()
        until("runs of the other, or of both", lambda: len(audits_of(placed)) >= 8)
        assert second.end()[0] == 0
    read = Counter((copy, shard) for _, copy, shard in checks_of(placed))
    assert len(read) == shards and set(read.values()) == {1}


def test_systemd_hears_that_it_is_ready_lives_and_ends(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(str(tmp_path / "notify"))
        hearing.settimeout(60)
        given = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1500000"}
        heard = list[bytes]()
        with Served(tmp_path, environment=given) as service:
            while heard.count(b"WATCHDOG=1") < 3:
                heard.append(hearing.recv(4096))
            service.end()
        hearing.settimeout(0.1)
        while not heard[-1].startswith(b"STOPPING=1"):
            heard.append(hearing.recv(4096))
    assert heard[0].startswith(b"READY=1\nSTATUS=")
    assert b"STATUS=leads: reads what is due when it is due" in heard


def test_hangup_reads_the_settings_again_and_bad_ones_leave_those_before(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    with Served(tmp_path) as service:
        service.says("leads: reads what is due")
        set_audit(tmp_path, every="often")
        service.process.send_signal(signal.SIGHUP)
        service.says("the settings were not taken, those before hold")
        assert "often" in service.told
        set_audit(tmp_path, every="3h")
        service.process.send_signal(signal.SIGHUP)
        service.says("every 3h")
        assert service.end()[0] == 0


def serve_metrics(folder: Path, port: int) -> None:
    settings = folder / "preserve.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[serve]\n", f'[serve]\nmetrics = "127.0.0.1:{port}"\n'), encoding="utf-8")


def test_figures_are_given_over_http_and_end_with_the_service(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve_metrics(tmp_path, port)
    with Served(tmp_path) as service:
        service.says(f"http://127.0.0.1:{port}/metrics")
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            assert b"preserve_" in answer.read()
        assert service.end()[0] == 0
    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60)


def test_an_address_that_is_taken_is_told_and_the_audits_go_on(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=1, files=2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve_metrics(tmp_path, port)
        with Served(tmp_path) as service:
            service.says(f"no metrics: nothing can listen at 127.0.0.1:{port}")
            until("a run", lambda: audits_of(placed))
            assert service.end()[0] == 0


@pytest.mark.parametrize("unit", ["preserve.service", "preserve-audit.service", "preserve-audit.timer"])
def test_systemd_accepts_the_units(tmp_path: Path, unit: str) -> None:
    folder = ROOT / "docs" / "service"
    checker = shutil.which("systemd-analyze")
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert (text.count("[Unit]") == 1 and "/usr/local/bin/preserve" in text) or path.suffix == ".timer"
        (tmp_path / path.name).write_text(text.replace("/usr/local/bin/preserve", "/bin/true"), encoding="utf-8")
    if checker is not None:
        said = subprocess.run([checker, "verify", str(tmp_path / unit)], capture_output=True, text=True, check=False)
        ours = [line for line in said.stderr.splitlines() if "preserve" in line]
        assert ours == []


def soon(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "preserve", "audit", "--config", str(folder / "preserve.toml"), "--soon", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_is_wanted_soon_is_asked_for_by_package_and_replica(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=2, files=4)
    said = soon(tmp_path, "box-1", "--replica", "nas")
    assert said.returncode == 0 and "1 shard will be read before all else" in said.stderr
    with placed.open() as workspace, workspace.catalog.reading() as connection:
        wanted = connection.exec_driver_sql("SELECT copy_id FROM shard_state WHERE wanted = 'asked'").all()
        (copy,) = workspace.catalog.copies([workspace.packages(("box-1",))[0].id], [workspace.replicas(("nas",))[0].id])
        assert wanted == [(copy.id,)]
        assert audits_of(placed) == []


def test_soon_wants_packages_and_nothing_else(tmp_path: Path) -> None:
    make_workspace(tmp_path, packages=1, files=2)
    assert soon(tmp_path).returncode == 2
    assert soon(tmp_path, "box-0", "--due").returncode == 2
    unknown = soon(tmp_path, "box-7")
    assert unknown.returncode == 2 and "box-7" in unknown.stderr
