"""What every store that can be written to promises: see `preserve.stores.port`. Each sentence of it is a test here."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from random import Random
from typing import TypedDict, Unpack

import pytest

from checks.ports import Kind, NotFoundError, StoreError
from preserve.stores.capabilities import Renaming, Replacing, Resuming, Sizing, Versioned
from preserve.stores.port import Claiming, ExistsError
from tests.contract.conftest import Placed
from tests.contract.test_reading import read

BIG = (8 << 20) + 1


class Stopped(BaseException):
    """Somebody pressed Ctrl-C."""


class Told(TypedDict, total=False):
    """What a store may be told beforehand of a content."""

    size_bytes: int
    sha256: bytes


class ToldOfFile(Told, total=False):
    """And of a new file."""

    modified_ns: int


def write(placed: Placed, path: bytes, content: bytes, *, step: int = 1 << 20, **told: Unpack[ToldOfFile]) -> None:
    with placed.store.create(path, **told) as sink:
        for start in range(0, len(content), step):
            sink(memoryview(content)[start : start + step])


def told(content: bytes) -> Told:
    return {"size_bytes": len(content), "sha256": sha256(content).digest()}


@pytest.mark.parametrize("size", [0, 1, 65_537, BIG])
@pytest.mark.parametrize("known", [True, False])
def test_a_new_file_holds_what_was_given_in_order(placed: Placed, size: int, known: bool) -> None:
    content = Random(size).randbytes(size)
    write(placed, b"box/data/page", content, step=300_000, **(told(content) if known else {}))
    assert read(placed, b"box/data/page") == content


def test_folders_above_a_new_file_are_made(placed: Placed) -> None:
    write(placed, b"a/b/c/d/e", b"x")
    assert placed.store.stat(b"a/b/c/d").kind is Kind.DIRECTORY
    assert read(placed, b"a/b/c/d/e") == b"x"


def test_nothing_stands_under_the_name_before_the_end(placed: Placed) -> None:
    with placed.store.create(b"box/page") as sink:
        sink(memoryview(b"half"))
        with pytest.raises(NotFoundError):
            placed.store.stat(b"box/page")
    assert read(placed, b"box/page") == b"half"


@pytest.mark.parametrize("error", [ValueError, Stopped, StoreError])
def test_nothing_stands_if_it_is_left_by_an_exception(placed: Placed, error: type[BaseException]) -> None:
    with pytest.raises(error), placed.store.create(b"box/page") as sink:
        sink(memoryview(b"half"))
        raise error("no more")
    with pytest.raises(NotFoundError):
        placed.store.stat(b"box/page")
    write(placed, b"box/page", b"whole")
    assert read(placed, b"box/page") == b"whole"


def test_what_stands_is_never_written_over(placed: Placed) -> None:
    write(placed, b"box/page", b"first")
    with pytest.raises(ExistsError):
        write(placed, b"box/page", b"second", **told(b"second"))
    assert read(placed, b"box/page") == b"first"


def test_of_many_that_make_the_same_file_at_once_one_does(placed: Placed) -> None:
    def one(number: int) -> bool:
        try:
            write(placed, b"box/page", b"%d" % number)
        except ExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(one, range(8)))
    assert made.count(True) == 1
    assert read(placed, b"box/page") == b"%d" % made.index(True)


def test_a_file_that_is_not_as_was_told_does_not_stand(placed: Placed) -> None:
    with pytest.raises(StoreError):
        write(placed, b"box/short", b"four", size_bytes=5)
    with pytest.raises(NotFoundError):
        placed.store.stat(b"box/short")
    if placed.kind == "sftp":
        return  # an SFTP server computes no digests; what is copied there is read back
    with pytest.raises(StoreError):
        write(placed, b"box/other", b"four", **told(b"five"))
    with pytest.raises(NotFoundError):
        placed.store.stat(b"box/other")


def test_many_files_at_once_are_all_written(placed: Placed) -> None:
    contents = {b"box/data/%d/%02d" % (number % 5, number): Random(number).randbytes(3000) for number in range(60)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: write(placed, *each), contents.items()))
    assert {path: read(placed, path) for path in contents} == contents


def test_what_is_added_stands_at_the_end(placed: Placed) -> None:
    placed.store.append(b"box/heads.txt", b"first\n")
    placed.store.append(b"box/heads.txt", b"second\n")
    assert read(placed, b"box/heads.txt") == b"first\nsecond\n"


def test_two_that_add_at_once_both_add_theirs(placed: Placed) -> None:
    lines = [b"line %02d\n" % number for number in range(12)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda line: placed.store.append(b"box/heads.txt", line), lines))
    assert sorted(read(placed, b"box/heads.txt").splitlines(keepends=True)) == lines


def test_a_file_that_is_taken_away_is_gone_and_no_other(placed: Placed) -> None:
    write(placed, b"box/page", b"x")
    write(placed, b"box/page 2", b"y")
    placed.store.remove(b"box/page")
    with pytest.raises(NotFoundError):
        placed.store.stat(b"box/page")
    assert read(placed, b"box/page 2") == b"y"


def test_what_is_not_there_cannot_be_taken_away(placed: Placed) -> None:
    with pytest.raises(NotFoundError):
        placed.store.remove(b"box/nothing")


def test_an_empty_folder_is_taken_away_and_a_full_one_is_not(placed: Placed) -> None:
    write(placed, b"box/data/page", b"x")
    if placed.folders:
        with pytest.raises(StoreError):
            placed.store.remove_folder(b"box/data")
    assert read(placed, b"box/data/page") == b"x"
    placed.store.remove(b"box/data/page")
    placed.store.remove_folder(b"box/data")
    with pytest.raises(NotFoundError):
        placed.store.stat(b"box/data")


def test_what_is_left_is_a_number_or_nobody_says(placed: Placed) -> None:
    left = placed.store.free_bytes()
    assert left is None or left > 0


@pytest.mark.parametrize("path", [b"a/../b", b"../b", b".", b"a//b", b"/a", b"a/", b"a\0b", b""])
def test_what_is_no_path_below_the_root_is_refused_beforehand_and_not_made(placed: Placed, path: bytes) -> None:
    assert placed.store.refused(path)
    before = sorted(one.path for one in placed.store.listing(b""))
    with pytest.raises(StoreError):
        write(placed, path, b"x")
    assert sorted(one.path for one in placed.store.listing(b"")) == before


# ---- capabilities ------------------------------------------------------------------------------------------------


def test_each_has_the_capabilities_that_are_asked_for_by_kind(placed: Placed) -> None:
    assert isinstance(placed.store, Renaming) is placed.folders
    assert isinstance(placed.store, Replacing) is not placed.folders
    assert isinstance(placed.store, Claiming) is (placed.kind == "s3")
    assert isinstance(placed.store, Versioned) is (placed.kind == "s3")


def test_a_file_is_renamed_with_its_content(placed: Placed) -> None:
    if isinstance(placed.store, Renaming):
        write(placed, b"box/page", b"x")
        write(placed, b"box/other", b"y")
        placed.store.rename(b"box/page", b"box/new")
        assert read(placed, b"box/new") == b"x"
        with pytest.raises(NotFoundError):
            placed.store.stat(b"box/page")
        with pytest.raises(ExistsError):
            placed.store.rename(b"box/new", b"box/other")
        assert (read(placed, b"box/new"), read(placed, b"box/other")) == (b"x", b"y")
        with pytest.raises(NotFoundError):
            placed.store.rename(b"box/nothing", b"box/newer")


def test_a_folder_is_renamed_with_all_in_it_and_never_over_another(placed: Placed) -> None:
    if isinstance(placed.store, Renaming):
        write(placed, b"staging/box/data/page", b"x")
        write(placed, b"staging/box/bagit.txt", b"y")
        write(placed, b"taken/page", b"z")
        with pytest.raises(ExistsError):
            placed.store.rename(b"staging/box", b"taken")
        placed.store.rename(b"staging/box", b"box")
        assert sorted(one.path for one in placed.store.listing(b"box")) == [b"bagit.txt", b"data/page"]
        assert read(placed, b"box/data/page") == b"x"
        with pytest.raises(NotFoundError):
            placed.store.stat(b"staging/box")


def test_a_file_is_replaced_only_if_it_is_still_the_one_that_was_seen(placed: Placed) -> None:
    if isinstance(placed.store, Replacing):
        write(placed, b"box/page", b"bad")
        token = placed.store.stat(b"box/page").token
        with placed.store.replacing(b"box/page", token, **told(b"good")) as sink:
            sink(memoryview(b"good"))
        assert read(placed, b"box/page") == b"good"
        with pytest.raises(StoreError) as raised, placed.store.replacing(b"box/page", token) as sink:
            sink(memoryview(b"late"))
        assert raised.value.cause == "changed"
        assert read(placed, b"box/page") == b"good"


def test_what_was_to_be_replaced_stays_if_that_is_left_by_an_exception(placed: Placed) -> None:
    if isinstance(placed.store, Replacing):
        write(placed, b"box/page", b"bad")
        token = placed.store.stat(b"box/page").token
        with pytest.raises(ValueError), placed.store.replacing(b"box/page", token) as sink:
            sink(memoryview(b"go"))
            raise ValueError
        assert read(placed, b"box/page") == b"bad"
        placed.store.remove(b"box/page")
        with pytest.raises(StoreError), placed.store.replacing(b"box/page", token) as sink:
            sink(memoryview(b"good"))
        with pytest.raises(NotFoundError):
            placed.store.stat(b"box/page")


def test_of_two_that_replace_the_same_file_one_does(placed: Placed) -> None:
    if isinstance(placed.store, Replacing):
        write(placed, b"box/page", b"bad")
        token = placed.store.stat(b"box/page").token
        with pytest.raises(StoreError) as raised, ExitStack() as both:
            sinks = [both.enter_context(placed.store.replacing(b"box/page", token)) for _ in range(2)]
            for number, sink in enumerate(sinks):
                sink(memoryview(b"good %d" % number))
        assert raised.value.cause == "changed"
        assert read(placed, b"box/page") == b"good 1"


def test_nothing_is_written_of_a_file_that_nobody_began(placed: Placed) -> None:
    if isinstance(placed.store, Resuming):
        assert placed.store.written(b"box/page") == 0


def test_listings_that_know_sizes_know_them_rightly(placed: Placed) -> None:
    if isinstance(placed.store, Sizing):
        write(placed, b"box/data/page", b"12345")
        write(placed, b"box/empty", b"")
        assert dict(placed.store.sizes(b"box")) == {b"data/page": 5, b"empty": 0}


def test_a_claim_is_of_what_was_written_or_says_why_not(placed: Placed) -> None:
    if isinstance(placed.store, Claiming):
        write(placed, b"box/page", b"content", **told(b"content"))
        claim = placed.store.claim(b"box/page")
        assert claim.size_bytes == 7
        assert claim.sha256 == sha256(b"content").digest() or claim.why_not
        with pytest.raises(NotFoundError):
            placed.store.claim(b"box/nothing")


# ---- time of change ----------------------------------------------------------------------------------------------


def test_times_are_kept_where_there_are_times(placed: Placed) -> None:
    write(placed, b"box/page", b"x", modified_ns=1_600_000_000_000_000_000)
    seen = placed.store.stat(b"box/page").modified_ns
    assert seen == 1_600_000_000_000_000_000 or not placed.folders
