"""What every store promises to whoever reads: see `checks.ports` and `preserve.stores.port`."""

import os
from hashlib import sha256
from random import Random

import pytest

from checks.digesting import Digester, Wanted
from checks.evidence import Evidence
from checks.ports import Kind, NotFoundError, UnavailableError, WrongKindError
from preserve.stores.local_replica import LocalReplica
from preserve.stores.sftp.store import SftpStore
from tests.contract.conftest import Placed
from tests.support.killed_stores import REPLICA

KHMER = "ទំព័រ ០១.tif".encode()


def read(placed: Placed, path: bytes, *, step: int = 65_536, offset: int = 0) -> bytes:
    source = placed.store.open(path, past_cache=True, offset=offset)
    try:
        buffer, content = memoryview(bytearray(step)), b""
        while got := source.readinto(buffer):
            content += bytes(buffer[:got])
        return content
    finally:
        source.close()


def test_the_identity_is_what_is_written_there(readable: Placed) -> None:
    assert readable.store.identity() == REPLICA


def test_without_an_identity_the_replica_is_not_there(placed: Placed) -> None:
    placed.store.remove(b".preserve/identity.json")
    with pytest.raises(UnavailableError):
        placed.store.identity()


def test_an_identity_that_cannot_be_understood_is_none(placed: Placed) -> None:
    placed.lay(b".preserve/identity.json", b"{")
    with pytest.raises(UnavailableError):
        placed.store.identity()


def test_the_place_is_told_without_a_secret(readable: Placed) -> None:
    assert readable.store.where
    assert "only-for-tests" not in readable.store.where + repr(readable.store)
    assert readable.store.in_flight >= 1


@pytest.mark.parametrize("size", [0, 1, 4096, 65_537, (8 << 20) + 1])
def test_a_file_is_read_as_it_lies_there(readable: Placed, size: int) -> None:
    content = Random(size).randbytes(size)
    readable.lay(b"box/data/" + KHMER, content)
    assert readable.store.stat(b"box/data/" + KHMER)[:2] == (Kind.FILE, size)
    assert read(readable, b"box/data/" + KHMER) == content


@pytest.mark.parametrize("offset", [1, 5000, 9999])
def test_a_file_is_read_from_the_middle(readable: Placed, offset: int) -> None:
    content = Random(1).randbytes(10_000)
    readable.lay(b"box/data/page", content)
    assert read(readable, b"box/data/page", step=777, offset=offset) == content[offset:]


def test_the_digester_reads_it_and_knows_how(readable: Placed) -> None:
    content = Random(2).randbytes(300_000)
    readable.lay(b"box/data/page", content)
    wanted = Wanted(b"box/data/page", lambda: readable.store.open(b"box/data/page", past_cache=True), None)
    reading = Digester(("sha256",)).read(wanted)
    assert reading.sound and reading.digests["sha256"] == sha256(content).digest()
    assert reading.evidence >= Evidence.READ


def test_a_file_that_changes_while_it_is_read_was_not_read(readable: Placed) -> None:
    readable.lay(b"box/data/page", b"before")
    source = readable.store.open(b"box/data/page", past_cache=True)
    before = source.stat().token
    readable.lay(b"box/data/page", b"afterwards")
    try:
        assert source.stat().token != before
    finally:
        source.close()


def test_the_same_file_has_the_same_token_at_every_look(readable: Placed) -> None:
    readable.lay(b"box/data/page", b"content")
    first = readable.store.stat(b"box/data/page").token
    assert readable.store.stat(b"box/data/page").token == first
    source = readable.store.open(b"box/data/page", past_cache=True)
    try:
        assert source.stat().token == first
    finally:
        source.close()


def test_what_is_not_there_is_not_found(readable: Placed) -> None:
    for ask in (readable.store.stat, readable.store.names_in, lambda path: list(readable.store.listing(path))):
        with pytest.raises(NotFoundError):
            ask(b"box/nothing")
    with pytest.raises(NotFoundError):
        read(readable, b"box/nothing")


def test_what_lies_below_a_file_is_not_found(readable: Placed) -> None:
    readable.lay(b"box/file", b"content")
    with pytest.raises(NotFoundError):
        readable.store.stat(b"box/file/below")


def test_a_folder_is_a_folder_and_is_not_read(readable: Placed) -> None:
    readable.lay(b"box/data/page", b"content")
    assert readable.store.stat(b"box/data").kind is Kind.DIRECTORY
    with pytest.raises((NotFoundError, WrongKindError)):
        read(readable, b"box/data")


def test_a_listing_names_every_file_below_and_nothing_beside(readable: Placed) -> None:
    for path in (b"box/bagit.txt", b"box/data/a/b/c", b"box/data/" + KHMER, b"box.v2/bagit.txt", b"boxes/x"):
        readable.lay(path, b"x")
    listed = list(readable.store.listing(b"box"))
    assert sorted(one.path for one in listed) == sorted((b"bagit.txt", b"data/a/b/c", b"data/" + KHMER))
    assert {(one.kind, one.problem) for one in listed} == {(Kind.FILE, None)}


def test_names_of_a_folder_come_in_order_those_of_folders_with_a_slash(readable: Placed) -> None:
    for path in (b"box/data-1", b"box/data/page", b"box/data.txt", b"box/Data", b"box/\xc3\xa9", b"box/data0"):
        readable.lay(path, b"x")
    names = [(name, kind) for name, kind, _ in readable.store.names_in(b"box")]
    assert [name for name, _ in names] == [b"Data", b"data-1", b"data.txt", b"data/", b"data0", b"\xc3\xa9"]
    assert [kind for name, kind in names if name.endswith(b"/")] == [Kind.DIRECTORY]


def test_names_of_the_root_are_had_by_no_name(readable: Placed) -> None:
    readable.lay(b"box/bagit.txt", b"x")
    assert [name for name, _, _ in readable.store.names_in(b"")] == [b".preserve/", b"box/"]


def test_three_thousand_names_in_one_folder_are_all_there(readable: Placed) -> None:
    wanted = sorted(b"%04d page" % number for number in range(3000 if readable.kind != "s3" else 1200))
    for name in wanted:
        readable.lay(b"box/data/" + name, b"")
    assert [name for name, _, _ in readable.store.names_in(b"box/data")] == wanted
    assert sorted(one.path for one in readable.store.listing(b"box/data")) == wanted


def test_a_store_that_was_closed_answers_again(readable: Placed) -> None:
    readable.lay(b"box/page", b"content")
    assert read(readable, b"box/page") == b"content"
    readable.store.close()
    assert read(readable, b"box/page") == b"content"


def test_a_link_is_not_followed(readable: Placed) -> None:
    if readable.kind not in ("local", "sftp"):
        return  # it knows no links
    readable.lay(b"box/page", b"content")
    store = readable.store
    assert isinstance(store, LocalReplica | SftpStore)
    root = store.root if isinstance(store, LocalReplica) else store._root.path
    os.symlink(b"page", os.path.join(root, b"box/link"))
    os.symlink(b"box", os.path.join(root, b"other"))
    assert readable.store.stat(b"box/link").kind is Kind.SYMLINK
    with pytest.raises((WrongKindError, NotFoundError)):
        read(readable, b"box/link")
    with pytest.raises(NotFoundError):
        read(readable, b"other/page")
