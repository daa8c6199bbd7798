"""The system calls that a campaign can make fail: their numbers, what they name, and what can become of them."""

import errno
import os
from dataclasses import dataclass
from enum import Enum

AT_FDCWD = 0xFFFFFF9C
_O_CREAT = os.O_CREAT
_F_SETLK = 6

EIO, ENOSPC, EACCES = errno.EIO, errno.ENOSPC, errno.EACCES
SHORT = 0  # stands for an errno: the call moves about half of what it was asked to, and says so


class Names(Enum):
    """By which arguments a call says what it works on."""

    FD = "a descriptor, first"
    PATH = "a path, first"
    AT = "a folder's descriptor and a path, first and second"
    SECOND_PATH = "a path, second"  # of a rename: where to
    SECOND_AT = "a folder's descriptor and a path, third and fourth"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of call on x86-64, and with what it may fail."""

    number: int
    names: Names
    errors: tuple[int, ...]


_LOOKS, _CHANGES = (EIO, EACCES), (EIO, ENOSPC, EACCES)

KINDS: dict[str, Kind] = {
    "read": Kind(0, Names.FD, (EIO, SHORT)),
    "pread64": Kind(17, Names.FD, (EIO, SHORT)),
    "readv": Kind(19, Names.FD, (EIO, SHORT)),
    "getdents64": Kind(217, Names.FD, (EIO,)),
    "write": Kind(1, Names.FD, (EIO, ENOSPC, SHORT)),
    "pwrite64": Kind(18, Names.FD, (EIO, ENOSPC, SHORT)),
    "ftruncate": Kind(77, Names.FD, (EIO, ENOSPC)),
    "fsync": Kind(74, Names.FD, (EIO, ENOSPC)),
    "fdatasync": Kind(75, Names.FD, (EIO, ENOSPC)),
    "syncfs": Kind(306, Names.FD, (EIO, ENOSPC)),
    "close": Kind(3, Names.FD, (EIO, ENOSPC)),  # only of what was open for writing
    "flock": Kind(73, Names.FD, (EIO,)),
    "fcntl": Kind(72, Names.FD, (EIO,)),  # only where it locks
    "fchmod": Kind(91, Names.FD, (EIO, EACCES)),
    "fstat": Kind(5, Names.FD, (EIO,)),
    "open": Kind(2, Names.PATH, _CHANGES),  # ENOSPC only where it creates
    "openat": Kind(257, Names.AT, _CHANGES),
    "stat": Kind(4, Names.PATH, _LOOKS),
    "lstat": Kind(6, Names.PATH, _LOOKS),
    "newfstatat": Kind(262, Names.AT, _LOOKS),
    "statx": Kind(332, Names.AT, _LOOKS),
    "access": Kind(21, Names.PATH, _LOOKS),
    "readlink": Kind(89, Names.PATH, (EIO,)),
    "readlinkat": Kind(267, Names.AT, (EIO,)),
    "statfs": Kind(137, Names.PATH, (EIO, EACCES)),
    "rename": Kind(82, Names.SECOND_PATH, _CHANGES),
    "renameat": Kind(264, Names.SECOND_AT, _CHANGES),
    "renameat2": Kind(316, Names.SECOND_AT, _CHANGES),
    "mkdir": Kind(83, Names.PATH, _CHANGES),
    "mkdirat": Kind(258, Names.AT, _CHANGES),
    "rmdir": Kind(84, Names.PATH, _LOOKS),
    "unlink": Kind(87, Names.PATH, _LOOKS),
    "unlinkat": Kind(263, Names.AT, _LOOKS),
    "chmod": Kind(90, Names.PATH, _LOOKS),
    "utimensat": Kind(280, Names.AT, _LOOKS),
}
_NAME_OF = {kind.number: name for name, kind in KINDS.items()}
READING = frozenset({"open", "openat", "read", "readv", "pread64", "getdents64"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call below the folder that is watched; `path` is relative to it."""

    name: str
    path: str
    creating: bool = False

    def errors(self) -> tuple[int, ...]:
        """What it may come to."""
        errors = KINDS[self.name].errors
        full = self.creating or self.name not in ("open", "openat")
        return errors if full else tuple(error for error in errors if error != ENOSPC)


class Tracee:
    """The process whose calls are watched: its memory and its descriptors, as the kernel shows them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)

    def close(self) -> None:
        os.close(self.memory)
        os.close(self.pidfd)

    def call(self, number: int, arguments: tuple[int, ...], folder: str) -> Call | None:
        """What is being called; None if it is not below `folder`."""
        name = _NAME_OF[number]
        if name == "fcntl" and arguments[1] & 0xFFFFFFFF != _F_SETLK:
            return None
        try:
            if name == "close" and not self._writes(arguments[0]):
                return None
            path = os.path.normpath(self._path(KINDS[name].names, arguments))
        except OSError:
            return None  # no such descriptor, no such memory: the call fails by itself
        if path != folder and not path.startswith(folder + "/"):
            return None
        flags = {"open": 1, "openat": 2}.get(name)
        return Call(name, os.path.relpath(path, folder), flags is not None and bool(arguments[flags] & _O_CREAT))

    def _path(self, names: Names, arguments: tuple[int, ...]) -> str:
        if names is Names.FD:
            return self._of_descriptor(arguments[0])
        if names is Names.PATH:
            return os.path.join(self._of_descriptor(AT_FDCWD), self._text(arguments[0]))
        if names is Names.SECOND_PATH:
            return os.path.join(self._of_descriptor(AT_FDCWD), self._text(arguments[1]))
        first = 0 if names is Names.AT else 2
        text = self._text(arguments[first + 1]) if arguments[first + 1] else ""
        return text if text.startswith("/") else os.path.join(self._of_descriptor(arguments[first]), text)

    def _of_descriptor(self, number: int) -> str:
        number &= 0xFFFFFFFF
        place = "cwd" if number == AT_FDCWD else f"fd/{number}"
        return os.readlink(f"/proc/{self.pid}/{place}").removesuffix(" (deleted)")

    def _writes(self, number: int) -> bool:
        with open(f"/proc/{self.pid}/fdinfo/{number & 0xFFFFFFFF}", "rb") as file:
            flags = next(int(line.split()[1], 8) for line in file if line.startswith(b"flags:"))
        return bool(flags & os.O_ACCMODE)

    def _text(self, address: int) -> str:
        """A string that ends with NUL; it may end where the mapped memory ends."""
        found = b""
        while b"\0" not in found:
            at = address + len(found)
            more = os.pread(self.memory, 4096 - at % 4096, at)
            if not more:
                raise OSError(errno.EFAULT, "not in memory")
            found += more
        return os.fsdecode(found.partition(b"\0")[0])
