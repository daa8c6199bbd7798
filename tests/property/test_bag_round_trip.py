"""Any tree of any byte names is refused by name beforehand, or becomes a bag that validates and survives round trips.

`PRESERVE_EXAMPLES=20` tries twenty times as many trees, other ones each time.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checks.evidence import Outcome
from preserve.bag import Code, EmptyFolders, write
from preserve.errors import UsageError
from tests.property.bag_checks import assert_bag_of, assert_valid, copied, judged, listed_by, packed, unpacked
from tests.property.damaging import DAMAGES
from tests.property.payload_trees import (
    Files,
    Tree,
    any_names,
    empty_folders_of,
    files_of,
    is_utf8,
    on_disk,
    planted,
    trees,
    without,
)

MORE = int(os.environ.get("PRESERVE_EXAMPLES", "1"))
ALGORITHMS = (["sha256", "sha512"], ["sha256"], ["sha512", "blake3"], ["md5", "sha1"], ["blake3"])
PATTERNS = (b"*.tmp", b"a*", b"*.t[xm]*", b"/a", b"b/*", b"**/notes", b"notes/**", b"[!a]", b"?", b"\xff*", b".*")
FORMS = ("copy", "in place")


class Choice(TypedDict):
    """What is asked of `write`, besides the sources."""

    algorithms: list[str]
    ignore: list[bytes]
    empty_folders: EmptyFolders


choices = st.fixed_dictionaries(
    {
        "algorithms": st.sampled_from(ALGORITHMS),
        "ignore": st.just([]) | st.lists(st.sampled_from(PATTERNS), max_size=2),
        "empty_folders": st.sampled_from(EmptyFolders),
    }
)


def often(examples: int) -> settings:
    return settings(
        max_examples=examples * MORE,
        deadline=None,
        derandomize=MORE == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def room() -> Iterator[bytes]:
    """An empty folder, in memory where the system has such a place: bags are flushed many times."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield os.fsencode(folder)


def must_be_refused(tree: Tree, taken: Tree, *, empty_folders: EmptyFolders, in_place: bool) -> bool:
    """By docs/bagging.md; `taken` is the tree without what is ignored."""
    named = {*files_of(taken), *empty_folders_of(taken)}
    return (
        not all(map(is_utf8, named))
        or (empty_folders is EmptyFolders.REFUSE and bool(empty_folders_of(taken)))
        or (in_place and taken != tree)
    )


def payload_of(taken: Tree, empty_folders: EmptyFolders) -> Files:
    kept = empty_folders_of(taken) if empty_folders is EmptyFolders.KEEP else set()
    return files_of(taken) | {folder + b"/.keep": b"" for folder in kept}


@pytest.mark.parametrize("form", FORMS)
@given(tree=trees(any_names), choice=choices)
@example(tree={}, choice={"algorithms": ["sha256"], "ignore": [], "empty_folders": EmptyFolders.LEAVE_OUT})
@often(150)
def test_a_tree_is_refused_untouched_or_becomes_the_bag_of_just_its_bytes(
    form: str, tree: Tree, choice: Choice
) -> None:
    ignore, empty_folders, algorithms = choice["ignore"], choice["empty_folders"], choice["algorithms"]
    taken, in_place = without(tree, ignore), form == "in place"
    with room() as folder:
        source, bag = folder + b"/source", folder + b"/bag"
        planted(source, tree)
        refused = b"bagit.txt" in tree or must_be_refused(tree, taken, empty_folders=empty_folders, in_place=in_place)
        if refused:
            with pytest.raises(UsageError):
                write(source, None if in_place else bag, **choice)
            assert on_disk(folder) == {b"source": tree}
            return
        made = write(source, None if in_place else bag, **choice)
        payload = payload_of(taken, empty_folders)
        assert (made.bag, made.file_count, made.size_bytes) == (
            source if in_place else bag,
            len(payload),
            sum(map(len, payload.values())),
        )
        assert_bag_of(made.bag, payload, algorithms)
        assert set(on_disk(folder)) == ({b"source"} if in_place else {b"source", b"bag"})
        assert in_place or on_disk(source) == tree
        told = {finding.path for finding in made.warnings if finding.code is Code.EMPTY_FOLDER}
        assert told == (empty_folders_of(taken) if empty_folders is EmptyFolders.LEAVE_OUT else set())
        left_out = {finding.path for finding in made.warnings if finding.code is Code.IGNORED}
        assert left_out >= set(files_of(tree)) - set(files_of(taken))


@given(one=trees(any_names), other=trees(any_names) | st.binary(max_size=9), choice=choices)
@often(100)
def test_two_sources_lie_side_by_side_in_one_bag(one: Tree, other: Tree | bytes, choice: Choice) -> None:
    with room() as folder:
        taken: dict[bytes, Tree | bytes] = {b"one": without(one, choice["ignore"]), "ផ្សេង".encode(): other}
        planted(folder + b"/there", {"ផ្សេង".encode(): other})
        planted(folder + b"/one", one)
        before = on_disk(folder)
        sources = [folder + b"/one", folder + "/there/ផ្សេង".encode()]
        if not isinstance(other, bytes):
            taken["ផ្សេង".encode()] = without(other, choice["ignore"])
        if must_be_refused(taken, taken, empty_folders=choice["empty_folders"], in_place=False):
            with pytest.raises(UsageError):
                write(sources, folder + b"/bag", **choice)
            assert on_disk(folder) == before
            return
        write(sources, folder + b"/bag", **choice)
        assert_bag_of(folder + b"/bag", payload_of(taken, choice["empty_folders"]), choice["algorithms"])
        assert {name: content for name, content in on_disk(folder).items() if name != b"bag"} == before


@given(tree=trees().filter(lambda tree: b"bagit.txt" not in tree), algorithms=st.sampled_from(ALGORITHMS))
@often(100)
def test_a_bag_survives_tar_zip_copying_and_bagging_again(tree: Tree, algorithms: list[str]) -> None:
    with room() as folder:
        planted(folder + b"/source", tree)
        bag = write(folder + b"/source", folder + b"/bag", algorithms=algorithms).bag
        digests = listed_by(bag)
        for archive in packed(bag, Path(os.fsdecode(folder))):
            assert_valid(os.fsencode(archive))
            assert listed_by(os.fsencode(archive)) == digests
            assert_bag_of(unpacked(archive), files_of(tree), algorithms)
        assert_bag_of(copied(bag, folder + b"/copy"), files_of(tree), algorithms)
        again = write(bag + b"/data", folder + b"/again", algorithms=algorithms).bag
        assert listed_by(again) == digests


@given(
    tree=trees().filter(lambda tree: b"bagit.txt" not in tree),
    algorithms=st.sampled_from(ALGORITHMS),
    data=st.data(),
)
@often(60)
def test_any_single_damage_to_a_bag_is_found(tree: Tree, algorithms: list[str], data: st.DataObject) -> None:
    with room() as folder:
        planted(folder + b"/source", tree)
        bag = write(folder + b"/source", folder + b"/bag", algorithms=algorithms).bag
        for number, damage in enumerate(DAMAGES):
            copy = copied(bag, folder + b"/%d" % number)
            done = damage(copy, data.draw)
            if done is not None:
                assert judged(copy).outcome is not Outcome.PASS, (damage.__name__, done)
