"""Who holds a lease or a lock: machine, process and the process's start, so that the dead can be recognised."""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """`host:pid:start` of this process."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid()) or '0'}"


def is_dead(holder: str) -> bool:
    """Whether a holder was a process of this machine that runs no more. Of other machines nothing is known here."""
    host, _, rest = holder.rpartition(":")[0].rpartition(":")
    pid, start = rest, holder.rpartition(":")[2]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _start_of(int(pid)) != start


def _start_of(pid: int) -> str | None:
    """The process's start in clock ticks since boot (proc(5)); a reused pid has another."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
