"""Telling systemd that the service is ready, alive or ending: sd_notify(3), which is a datagram to a socket."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Tells whoever started the service; nobody, if it was not systemd. Never fails: no answer is no reason to end.

    Attributes:
        watchdog_seconds: within which systemd wants to hear that the service is alive; None if it does not ask.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        # A name in the abstract namespace is written with @ for its first, zero, byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Notifier":
        """By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as systemd sets them."""
        micros, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        meant = micros.isdecimal() and int(micros) > 0 and pid in ("", str(os.getpid()))
        return cls(environment.get("NOTIFY_SOCKET", ""), int(micros) / 1e6 if meant else None)

    def ready(self, status: str) -> None:
        self._tell("READY=1", f"STATUS={_line(status)}")

    def status(self, status: str) -> None:
        """What `systemctl status` shows."""
        self._tell(f"STATUS={_line(status)}")

    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=stopping")

    def _tell(self, *assignments: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
            client.settimeout(1.0)
            client.sendto("\n".join(assignments).encode("utf-8", "replace"), self._address)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
