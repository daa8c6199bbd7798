"""Runs work in a child whose system calls wait for our word: to go on, to fail with an errno, or to fall short.

The kernel does it (seccomp, user notification): calls of Python, of SQLite and of any other library, from every thread,
are all seen, and no root, debugger or compiler is needed. Linux 5.6 or newer on x86-64.
"""

import ctypes
import fcntl
import mmap
import os
import platform
import select
import signal
import socket
import struct
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from tests.campaigns.calls import KINDS, SHORT, Call, Tracee

Decide = Callable[[Call], int | None]  # an errno, SHORT, or None to let it go on

_AUDIT_ARCH_X86_64 = 0xC000003E
_SYS_SECCOMP, _SYS_PIDFD_GETFD = 317, 438
_PR_SET_NO_NEW_PRIVS, _SET_MODE_FILTER, _NEW_LISTENER = 38, 1, 1 << 3
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTIFICATION, _ANSWER = struct.Struct("<QIIiIQ6Q"), struct.Struct("<QqiI")
_GO_ON = 1
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. `status` is negative for a signal."""

    status: int
    stdout: str
    stderr: str


def why_not() -> str:
    """Why calls cannot be intercepted here; empty if they can."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"system calls are intercepted on Linux on x86-64 only, not on {platform.system()} {platform.machine()}"
    try:
        ended = run(lambda: 0, lambda call: None, "/nowhere", seconds=10)
    except OSError as error:
        return f"this kernel does not let system calls be intercepted: {error}"
    return "" if ended.status == 0 else f"this kernel does not let system calls be intercepted: {ended.stderr.strip()}"


def run(work: Callable[[], int], decide: Decide, folder: str, *, seconds: float = 120) -> Ended:
    """Runs `work` in a forked child; every call below `folder` is asked of `decide` first. Killed after `seconds`."""
    out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _be_child(work, theirs, out, err)
    theirs.close()
    with ours:
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
        if listeners:  # else the filter was refused, and the child has said why
            _attend(child, listeners[0], decide, folder, seconds, lambda: ours.send(b"x"))
    _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), _all_of(out), _all_of(err))


def _be_child(work: Callable[[], int], channel: socket.socket, out: int, err: int) -> None:
    """Never returns."""
    status = 99
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, end in enumerate((nothing, out, err)):
            os.dup2(end, number)
        listener = _install()
        socket.send_fds(channel, [b"x"], [listener])
        channel.recv(1)
        status = work()
    except BaseException:  # noqa: BLE001 - told in the child's own stderr
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _install() -> int:
    """Has the kernel hand the calls of KINDS, of this process from now on, to whoever holds the listener returned."""
    numbers = [kind.number for kind in KINDS.values()]
    # BPF: another architecture or another call is allowed; each jump goes over the rest of the list to its end.
    code = [(0x20, 0, 0, 4), (0x15, 0, len(numbers) + 1, _AUDIT_ARCH_X86_64), (0x20, 0, 0, 0)]
    code += [(0x15, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    code += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _NOTIFY)]
    filled = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
    program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(filled)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = int(libc.syscall(_SYS_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def _attend(
    child: int, listener: int, decide: Decide, folder: str, seconds: float, begin: Callable[[], object]
) -> None:
    """Answers until the child has ended."""
    tracee = Tracee(child)
    until = time.monotonic() + seconds
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    try:
        begin()
        while True:
            events = waiting.poll(1000)
            if events and events[0][1] & select.POLLIN:
                _answer(tracee, listener, decide, folder)
            elif events:
                return  # nobody is left who could call
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                return
    finally:
        tracee.close()
        os.close(listener)


def _answer(tracee: Tracee, listener: int, decide: Decide, folder: str) -> None:
    received = bytearray(_NOTIFICATION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, received)
        identifier, _, _, number, _, _, *arguments = _NOTIFICATION.unpack(received)
        call = tracee.call(number, tuple(arguments), folder)
        decided = None if call is None else decide(call)
        answer = _ANSWER.pack(identifier, 0, 0, _GO_ON)
        if decided == SHORT and call is not None:
            moved = _moved_in_part(tracee, call.name, arguments)
            answer = answer if moved is None else _ANSWER.pack(identifier, moved, 0, 0)
        elif decided is not None:
            answer = _ANSWER.pack(identifier, 0, -decided, 0)
        fcntl.ioctl(listener, _SEND, bytearray(answer))
    except (FileNotFoundError, ProcessLookupError):
        pass  # the thread was interrupted or is gone


def _moved_in_part(tracee: Tracee, name: str, arguments: list[int]) -> int | None:
    """Does about half of what a call asks for, on its own open file; None if it cannot be halved."""
    fd = ctypes.CDLL(None, use_errno=True).syscall(_SYS_PIDFD_GETFD, tracee.pidfd, ctypes.c_int(arguments[0]), 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    try:
        address, count = arguments[1], arguments[2]
        if name == "readv":  # the first buffer alone: a read into it may be short, too
            address, count = struct.unpack("<QQ", os.pread(tracee.memory, 16, address))
        place = arguments[3] if name in ("pread64", "pwrite64") else None
        if name in ("write", "pwrite64"):
            content = os.pread(tracee.memory, count // 2, address)
            if not content:
                return None
            return os.write(fd, content) if place is None else os.pwrite(fd, content, place)
        return _read_in_part(tracee, fd, address, count, place)
    finally:
        os.close(fd)


def _read_in_part(tracee: Tracee, fd: int, address: int, count: int, place: int | None) -> int | None:
    at = os.lseek(fd, 0, os.SEEK_CUR) if place is None else place
    half = min(count, os.fstat(fd).st_size - at) // 2
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
        half -= half % _BLOCK
    if half <= 0:
        return None
    with mmap.mmap(-1, half) as room, memoryview(room) as view:
        got = os.readv(fd, [view]) if place is None else os.preadv(fd, [view], place)
        return os.pwrite(tracee.memory, view[:got], address)


def _all_of(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    with os.fdopen(fd, "rb") as file:
        return file.read().decode("utf-8", "backslashreplace")
