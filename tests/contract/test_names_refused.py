"""Names that a provider changes are told, each by itself, before a byte of a copy is written, and nothing is left."""

from pathlib import Path

import pytest

from preserve.errors import UsageError
from preserve.replicate.fitting import refuse_unfit
from preserve.stores.rooms.replica import RemoteReplica
from tests.contract.conftest import IDENTITY, Placed, _rclone, _s3

FIT = [b"box/data/page 1.tif", "box/data/ទំព័រ.tif".encode(), b"box/data/100%.tif", b"box/bagit.txt"]


def left(placed: Placed) -> list[bytes]:
    return [one.path for one in placed.store.listing(b"")]


@pytest.fixture
def weed_here(request: pytest.FixtureRequest) -> Placed:
    placed = _s3(request)
    placed.lay(b".preserve/identity.json", IDENTITY)
    return placed


@pytest.fixture
def rclone_here(request: pytest.FixtureRequest) -> Placed:
    placed = _rclone(request)
    placed.lay(b".preserve/identity.json", IDENTITY)
    return placed


def test_seaweedfs_makes_a_slash_of_a_backslash(weed_here: Placed) -> None:
    bad = [b"box/data/a\\b.tif", b"box/c\\d/page.tif"]
    told = RemoteReplica(weed_here.store).unfit([*FIT, *bad])
    print(told, left(weed_here))


def test_rclone(rclone_here: Placed) -> None:
    bad = [b"box/data/bell\x07.tif", b"box/two\nlines/page.tif", b"box/data/del\x7f", b"box/data/a\\b"]
    told = RemoteReplica(rclone_here.store).unfit([*FIT, *bad])
    print(told, left(rclone_here))
