"""Names that a provider changes are told, each by itself, before a byte of a copy is written, and nothing is left."""

import pytest

from checks.ports import StoreError
from preserve.errors import UndeterminedError, UsageError
from preserve.replicate.fitting import refuse_unfit
from preserve.stores.memory import MemoryBucket
from preserve.stores.rooms.replica import RemoteReplica
from tests.contract.conftest import IDENTITY, Placed, _s3

FIT = [b"box/data/page 1.tif", "box/data/ទំព័រ.tif".encode(), b"box/data/100%.tif", b"box/bagit.txt"]
CONTROLS = [b"box/data/bell\x07.tif", b"box/two\nlines/page.tif"]


@pytest.fixture
def weed_here(request: pytest.FixtureRequest) -> Placed:
    placed = _s3(request)
    placed.lay(b".preserve/identity.json", IDENTITY)
    return placed


def test_seaweedfs_makes_a_slash_of_a_backslash(weed_here: Placed) -> None:
    bad = [b"box/data/a\\b.tif", b"box/c\\d/page.tif"]
    replica = RemoteReplica(weed_here.store)
    assert replica.unfit([*FIT, *bad]).keys() == set(bad)
    with pytest.raises(UsageError, match=r"the replica cloud cannot hold these names as they are: .*a\\\\b\.tif"):
        refuse_unfit(replica, lambda: iter([*FIT, *bad]), "cloud")
    assert [one.path for one in replica.listing(b"")] == [b".preserve/identity.json"]


def pictured(*, answers: bool) -> MemoryBucket:
    """As rclone was seen to do: it keeps a control character as its picture, and may say that it could not answer."""
    store = MemoryBucket(in_flight=4)

    def hook(what: str, path: bytes) -> None:
        if what == "finished" and any(byte < 32 for byte in path):
            shown = "".join(chr(0x2400 + ord(each)) if each < " " else each for each in path.decode())
            store.lay(shown.encode(), store.files[path])
            store.remove(path)
            if not answers:
                raise StoreError("InternalError", cause="EAGAIN")

    store.hook = hook
    return store


@pytest.mark.parametrize("answers", [True, False])
def test_control_characters_that_are_kept_as_pictures_are_refused_one_by_one(answers: bool) -> None:
    store = pictured(answers=answers)
    assert RemoteReplica(store).unfit([*FIT, *CONTROLS]).keys() == set(CONTROLS)
    assert not store.files


def test_a_server_that_answers_nothing_is_not_said_to_refuse_names() -> None:
    store = MemoryBucket(in_flight=4)

    def hook(what: str, path: bytes) -> None:
        if what == "finish":
            raise StoreError("no answer", cause="EAGAIN")

    store.hook = hook
    with pytest.raises(UndeterminedError):
        RemoteReplica(store).unfit([*FIT, *CONTROLS])
