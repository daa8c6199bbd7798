"""Bits turned on the medium under a warm cache: an audit reads the medium, not what the kernel remembers of it.

Hashing through the page cache misses them, and goes on alarming once the medium is mended.
"""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import config
from checks.findings import Code
from preserve.app import audits
from preserve.app.holdings import replicate, take_in
from preserve.app.replicas import add_replica
from preserve.app.workspace import Workspace, init
from preserve.catalog.rows import AuditRow
from preserve.progress import Silent
from preserve.stores.locations import location
from tests.support.bags import make_bag
from tests.support.loop_disks import BLOCK_BYTES, LoopDisk, kept_in_cache, loop_disk

FILES, FLIPS = 600, 500


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    try:
        with loop_disk(tmp_path) as mounted:
            yield mounted
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no loop-mounted ext4 here: {error}")


def _place(folder: Path, disk: LoopDisk, rng: random.Random) -> tuple[Workspace, Path]:
    source = folder / "pages"
    for number in range(FILES):
        page = source / f"{number % 7}" / f"ទំព័រ {number:04d}.tif"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(rng.randbytes(rng.randrange(1, 40_000)))
    make_bag(source, folder / "box")
    workspace = Workspace(config.load(init(folder / "archive")))
    add_replica(workspace, "disk", str(disk.root), medium=None, site=None, offline=False)
    workspace.settings = config.load(workspace.settings.path)
    assert len(list(take_in(workspace, [folder / "box"], Silent()))) == 1
    assert all(not placed.problem for placed in replicate(workspace, (), ("disk",), Silent()))
    return workspace, disk.root / os.fsdecode(location("box", 1)) / "data"


def _audit(workspace: Workspace) -> AuditRow:
    return audits.run(workspace, audits.plan(workspace), Silent())


def test_every_bit_that_was_turned_on_the_medium_is_found_and_none_after_it_was_turned_back(
    tmp_path: Path, disk: LoopDisk
) -> None:
    rng = random.Random(7)
    workspace, data = _place(tmp_path, disk, rng)
    with workspace:
        pages = sorted(path for path in data.rglob("*.tif"))
        turned, expected = [], set[bytes]()
        for page in rng.sample(pages, FLIPS):
            at = rng.randrange(page.stat().st_size)
            byte = disk.block_of(page, at // BLOCK_BYTES) + at % BLOCK_BYTES
            turned.append((byte, rng.randrange(8)))
            expected.add(os.fsencode(page.relative_to(data.parent)))
        with kept_in_cache(pages):
            warm = {page: page.read_bytes() for page in pages}
            for byte, bit in turned:
                disk.turn(byte, bit)
            assert all(page.read_bytes() == content for page, content in warm.items())  # what a plain read is told
        found = _audit(workspace)
        rows = workspace.catalog.findings()
        assert {row.finding.path for row in rows} == expected and len(rows) == len(expected) == FLIPS
        assert {row.code for row in rows} == {Code.DIGEST_MISMATCH}
        assert (found.files_bad, found.files_unread, found.bytes_read > 0) == (FLIPS, 0, True)
        for byte, bit in turned:
            disk.turn(byte, bit)
        mended = _audit(workspace)
        assert (mended.failed, mended.inconclusive, mended.files_bad) == (0, 0, 0)
        assert workspace.catalog.findings() == []
        assert {line.evidence.label for line in workspace.catalog.audit_checks(mended.id) if line.evidence} == {
            "read-medium"
        }
