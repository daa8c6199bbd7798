"""Files with secrets in them: addresses with passwords, passwords, keys; nobody else on the machine may read them."""

import os
import shlex
import stat
from pathlib import Path

from config.errors import SettingsError

_MOST_BYTES = 1_048_576


def secret_lines(path: Path) -> list[str]:
    """The lines of a file that only its owner may read, without comments (#) and empty lines; may be none.

    Raises:
        SettingsError: it is not there, is no file, is not UTF-8, or its group or others may read or write it.
    """
    return _lines(_held(path, "with one address a line", "a list of addresses"), path)


def secret_text(path: Path) -> str:
    """What a file that only its owner may read holds, without the end of its last line; a `#` is part of it.

    Raises:
        SettingsError: as `secret_lines`.
    """
    text = _decoded(_held(path, "with the secret in it", "a secret"), path)
    return text.removesuffix("\n").removesuffix("\r")


def _held(path: Path, holding: str, meant: str) -> bytes:
    """All of the file, once it is known that it is one and whose."""
    try:
        # The mode is asked of the open file, so that it is the mode of what is read. A pipe must not keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SettingsError(
            f"cannot be read: {error.strerror or error}", path, remedy=f"make it, {holding} and mode 600"
        ) from error
    try:
        _refuse_readable(os.fstat(descriptor).st_mode, path, holding)
        data = _read(descriptor)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror or error}", path, remedy="look at its disk") from error
    finally:
        os.close(descriptor)
    if len(data) > _MOST_BYTES:
        raise SettingsError(f"is too large to be {meant}", path, remedy="look whether it is the right file")
    return data


def _refuse_readable(mode: int, path: Path, holding: str) -> None:
    if not stat.S_ISREG(mode):
        raise SettingsError("is no file", path, remedy=f"name a file {holding} and of mode 600")
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(
            f"others than its owner may read or change it (mode {stat.S_IMODE(mode):03o}), and it is for secrets",
            path,
            remedy=f"chmod 600 {shlex.quote(str(path))}",
        )


def _read(descriptor: int) -> bytes:
    """All of it, or a byte more than is taken."""
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(_MOST_BYTES + 1)


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError("is not UTF-8", path, line, "save it as UTF-8 text") from None


def _lines(data: bytes, path: Path) -> list[str]:
    stripped = (line.strip() for line in _decoded(data, path).splitlines())
    return [line for line in stripped if line and not line.startswith("#")]
