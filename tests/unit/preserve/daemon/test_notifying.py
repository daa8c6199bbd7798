"""sd_notify(3) against a real socket."""

import os
import socket
from pathlib import Path

from preserve.daemon.notifying import Notifier


def test_what_systemd_hears(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(str(tmp_path / "notify"))
        hearing.settimeout(10)
        notifier = Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000000"})
        notifier.ready("two\nlines")
        notifier.status("reading nas")
        notifier.alive()
        notifier.stopping()
        heard = [hearing.recv(4096) for _ in range(4)]
    assert notifier.watchdog_seconds == 300
    assert heard == [b"READY=1\nSTATUS=two lines", b"STATUS=reading nas", b"WATCHDOG=1", b"STOPPING=1\nSTATUS=stopping"]


def test_a_name_in_the_abstract_namespace() -> None:
    name = f"preserve-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(f"\0{name}")
        hearing.settimeout(10)
        Notifier(f"@{name}").alive()
        assert hearing.recv(100) == b"WATCHDOG=1"


def test_without_systemd_nobody_is_told_and_nothing_fails(tmp_path: Path) -> None:
    Notifier.from_environment({}).ready("ready")
    Notifier(str(tmp_path / "nobody listens")).alive()


def test_a_watchdog_that_waits_for_another_process_is_not_ours() -> None:
    given = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)}
    assert Notifier.from_environment(given).watchdog_seconds is None
    assert Notifier.from_environment({**given, "WATCHDOG_PID": str(os.getpid())}).watchdog_seconds == 1
