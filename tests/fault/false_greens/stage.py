"""A small archive on which an old mistake is made again, and what a false green and its guards are."""

import errno
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from preserve.app import workspace as workspaces
from preserve.catalog.rows import AuditRow
from preserve.cli.main import main
from tests.support.repairing import some_file
from tests.support.workspaces import PlacedWorkspace, make_workspace

LIE = "a false green"  # in the message of every assertion that only holds while the guard stands
MISTAKE = "a mistake of ours"  # what a scenario itself raises where it wants a crash
DAY = timedelta(days=1)
PAST_TARGET, PAST_PROMISE = 70 * DAY, 100 * DAY  # the settings promise 90 days and aim at 60


@dataclass
class Stage:
    """One archive: two packages, a shard each, on three replicas, all read a moment ago.

    Attributes:
        patch: for faults of the world, and to take guards out; undone by whoever made the stage.
    """

    placed: PlacedWorkspace
    patch: pytest.MonkeyPatch

    @property
    def folder(self) -> Path:
        return self.placed.folder

    def preserve(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Runs a command with `--json`, in this process: its exit status and its document."""
        told = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        with redirect_stdout(told), redirect_stderr(io.StringIO()):
            status = main(["--config", str(self.folder / "preserve.toml"), *words, "--json"])
        written = told.buffer.getvalue()
        document: dict[str, Any] = json.loads(written)
        said = document.get("error", {}).get("message", "")
        if "internal error" in said and MISTAKE not in said:
            raise RuntimeError(said)  # a patch that does not fit any more would prove nothing
        return status, document

    def audit(self, *words: str, replica: str = "nas") -> tuple[int, dict[str, Any]]:
        return self.preserve("audit", *words, "--replica", replica)

    def watch(self) -> tuple[int, set[str]]:
        """The exit status, and the names of what is not as it should be."""
        status, document = self.preserve("watch")
        return status, {one["key"] for one in document["concerns"]}

    def last_audit(self) -> AuditRow:
        with self.placed.open() as workspace:
            return workspace.catalog.audits(1)[0]

    def codes(self) -> set[str]:
        """Of all findings that are open."""
        with self.placed.open() as workspace:
            return {row.code.value for row in workspace.catalog.findings()}

    def checked(self, audit: AuditRow) -> set[str]:
        """The packages of which an audit read something."""
        with self.placed.open() as workspace:
            return {line.package for line in workspace.catalog.audit_checks(audit.id) if line.done}

    def later(self, span: timedelta) -> None:
        """From now on the clock shows so much more."""
        self.patch.setattr(workspaces, "utc_now", lambda: datetime.now(UTC) + span)

    def file(self, replica: str, package: str = "box-0") -> Path:
        """The same file on each replica; no other has its content."""
        return self.placed.copy(replica, package) / os.fsdecode(some_file(self.placed, package, least=100))

    def flip(self, file: Path) -> None:
        """Turns one bit; size and times stay as they were."""
        before, content = file.stat(), bytearray(file.read_bytes())
        content[0] ^= 1
        file.write_bytes(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    def break_file(self, file: Path) -> None:
        """The medium does not give this file any more (EIO)."""
        opened, bad = os.open, file.stat().st_ino

        def failing(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            descriptor = opened(path, flags, mode, dir_fd=dir_fd)
            if os.fstat(descriptor).st_ino != bad:
                return descriptor
            os.close(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        self.patch.setattr(os, "open", failing)


Scenario = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Guard:
    """What keeps a false green away, in words, and what takes it out: the old mistake, made in our code."""

    words: str
    out: Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class FalseGreen:
    """What happened elsewhere, and each guard without which it happens here."""

    who: str
    happened: str
    guards: tuple[Guard, ...]


def make_archive(folder: Path) -> PlacedWorkspace:
    """What every stage is a copy of."""
    placed = make_workspace(folder, packages=2, files=6)
    assert placed.audit() == {}
    return placed


@contextmanager
def staged(archive: PlacedWorkspace, folder: Path) -> Iterator[Stage]:
    """A stage of its own in a folder that is not there yet."""
    shutil.copytree(archive.folder, folder, symlinks=True)
    settings = folder / "preserve.toml"
    settings.write_text(settings.read_text("utf-8").replace(str(archive.folder), str(folder)), "utf-8")
    placed = PlacedWorkspace(folder, archive.packages, archive.replicas, archive.files, archive.digests, archive.older)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PRESERVE_ALERT_URLS", "PRESERVE_PING_URL"):
            patch.delenv(name, raising=False)
        yield Stage(placed, patch)
