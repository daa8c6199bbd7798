"""Runs the `fixity` command on one AIP, pointed at our relay.

It is another program under another licence (AGPL-3), and is never imported: it runs as a process of its own. It keeps
a database beside its own code; so it gets a folder for this run with links to that code, where the database goes, too.
It knows no time-outs, so it has one here. Neither the real key nor anything else of the environment is given to it.
"""

import os
import re
import selectors
import shutil
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from checks.names import show
from preserve.archivematica.relay import Relay
from preserve.errors import UndeterminedError, UsageError

NAME = "fixity"
_MOST_BYTES = 1 << 20
_KEPT_BYTES = 2_000
_FIND_SECONDS = 60.0
_END_SECONDS = 10.0
_FIRST_BYTES = 4096
_WHERE = "import importlib.util as u; s = u.find_spec('fixity'); print(s.origin if s and s.origin else '')"
# pip writes the second form where the first would be too long, or has a space in it.
_INTERPRETER = re.compile(
    rb"\A#![ \t]*(?P<plain>/[^\s]*python[^\s/]*)\s*\n"
    rb"|\A#![ \t]*/usr/bin/env[ \t]+(?P<named>python[^\s/]*)\s*\n"
    rb"|\A#!/bin/sh\n'''exec' \"?(?P<long>/[^\"\n]+?)\"? "
)


@dataclass(frozen=True, slots=True)
class Run:
    """How the command ended and the end of what it said. `status` None: it was ended here, and `why` says why."""

    status: int | None
    output: str
    why: str = ""


def find(setting: Path | None) -> Path:
    """The command: the one that is set, else beside our own interpreter, else on PATH. UsageError if there is none."""
    if setting is not None:
        if not os.access(setting, os.X_OK) or not setting.is_file():
            raise UsageError(
                f"{show(os.fsencode(setting))} is no command that can be run",
                remedy="Look at `command` below [archivematica]; without that line the installed one is used.",
            )
        return setting
    beside = Path(sys.executable).with_name(NAME)
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(NAME)
    if found is None:
        raise UsageError(
            "the command `fixity` is not installed",
            remedy="pip install 'preserve-toolkit[archivematica]', or name it in `command` below [archivematica], "
            "or ask the Storage Service without it: --by service.",
        )
    return Path(found)


def scan(command: Path, uuid: str, relay: Relay, *, seconds: float) -> Run:
    """Runs `fixity scan UUID` against the relay, for so many seconds at most.

    Raises:
        UndeterminedError: it could not be started.
    """
    with tempfile.TemporaryDirectory(prefix="preserve-fixity-") as folder:
        environment = {**_environment(folder, relay), **_apart(command, folder)}
        try:
            with _running([str(command), "scan", uuid], folder, environment) as process:
                return _heard(process, seconds, (relay.key,))
        except OSError as error:
            raise UndeterminedError(
                f"{show(os.fsencode(command))} could not be started: {error.strerror or error}"
            ) from error


def _environment(folder: str, relay: Relay) -> dict[str, str]:
    return {
        **_python(),
        "HOME": folder,  # a .netrc there would speak for somebody
        "TMPDIR": folder,
        "NO_PROXY": "*",
        "STORAGE_SERVICE_URL": relay.url,
        "STORAGE_SERVICE_USER": relay.user,
        "STORAGE_SERVICE_KEY": relay.key,
    }


def _python() -> dict[str, str]:
    """What an interpreter needs to find what is installed for it, were it for this user alone."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUSERBASE": site.getuserbase(),
    }


def _apart(command: Path, folder: str) -> Mapping[str, str]:
    """What lets it find its code by links in the folder. Nothing for a command that is no Python script."""
    package = _package(command, folder)
    if package is None:
        return {}
    links = Path(folder, "code", NAME)
    links.mkdir(parents=True)
    for each in package.iterdir():
        if each.name != "__pycache__" and each.suffix != ".db":
            links.joinpath(each.name).symlink_to(each)
    return {"PYTHONPATH": str(links.parent)}


def _package(command: Path, folder: str) -> Path | None:
    """The folder of its code, as its own interpreter would find it."""
    try:
        with open(command, "rb") as file:
            match = _INTERPRETER.match(file.read(_FIRST_BYTES))
        if match is None:
            return None
        interpreter = os.fsdecode(match["plain"] or match["named"] or match["long"])
        found = subprocess.run(
            [interpreter, "-c", _WHERE],
            capture_output=True,
            cwd=folder,
            env=_python(),
            stdin=subprocess.DEVNULL,
            timeout=_FIND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    origin = os.fsdecode(found.stdout.strip())
    return Path(origin).parent if origin.endswith("__init__.py") else None


@contextmanager
def _running(words: Sequence[str], folder: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,  # Ctrl-C reaches us alone, and we end it
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_END_SECONDS)


def _heard(process: "subprocess.Popen[bytes]", seconds: float, secrets: Sequence[str]) -> Run:
    """All it says, until it ends, says too much, or takes too long."""
    assert process.stdout is not None
    said, why, until = bytearray(), "", monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = until - monotonic()
            if left <= 0:
                why = f"it took longer than {seconds:,.0f} seconds and was ended"
                break
            if not selector.select(left):
                continue
            block = os.read(process.stdout.fileno(), 1 << 16)
            if not block:
                break
            said += block
            if len(said) > _MOST_BYTES:
                why = "it said more than a megabyte and was ended"
                break
    status = None
    if not why:
        try:
            status = process.wait(timeout=max(_END_SECONDS, until - monotonic()))
        except subprocess.TimeoutExpired:
            why = "it closed its output, did not end, and was ended"
    return Run(status, _text(bytes(said), secrets), why)


def _text(said: bytes, secrets: Sequence[str]) -> str:
    text = said[-_KEPT_BYTES:].decode("utf-8", "backslashreplace")
    for secret in secrets:
        text = text.replace(secret, "***")
    return text.strip()
