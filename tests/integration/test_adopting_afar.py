"""Adopting in a bucket: what only a listing tells is seen, and a copy that is being made there is left alone."""

from collections.abc import Iterator

import pytest

from checks.evidence import Outcome
from checks.ports import Kind, Listed
from preserve.app.adopting import Wish, adopt
from preserve.progress import Silent
from preserve.stores.identity import STAGING
from preserve.stores.memory import MemoryBucket
from reports.adoption import AdoptedLine
from tests.integration.test_far_replicas import Far, far

__all__ = ["far"]


def lay_bag(far: Far, package: str = "box-0") -> None:
    for path in far.placed.files[package]:
        far.beneath["bucket"].lay(package.encode() + b"/" + path, far.content(path, package))


def adopted(far: Far) -> AdoptedLine:
    with far.open() as workspace:
        (line,) = adopt(workspace, Wish(replica="bucket", folders=[b"box-0"]), Silent()).lines
    return line


def recorded(far: Far) -> set[tuple[str, str]]:
    with far.open() as workspace:
        return {(copy.replica, copy.package) for copy in workspace.catalog.copies()}


def test_an_object_that_looks_like_a_folders_mark_and_holds_something_is_not_adopted(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first audit would call it untracked."""
    lay_bag(far)
    listing = MemoryBucket.listing

    def with_mark(self: MemoryBucket, root: bytes) -> Iterator[Listed]:
        yield from listing(self, root)
        if root == b"box-0":
            yield Listed(b"data/dir/", Kind.OTHER)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryBucket, "listing", with_mark)
        line = adopted(far)
    assert (line.became, line.outcome) == ("nothing", Outcome.FAIL)
    assert "data/dir/ lies in it, and no manifest knows it" in line.problem
    assert adopted(far).became == "copy"


def test_a_copy_that_a_run_begins_to_make_meanwhile_is_not_recorded(far: Far) -> None:
    """All of it may have come, and still be taken away again when it is read back."""
    lay_bag(far)
    with far.open() as workspace:
        (uuid,) = [package.uuid for package in workspace.catalog.packages() if package.identifier == "box-0"]
    mark = b"%b/%b-v1" % (STAGING, str(uuid).encode())

    def begun(what: str, path: bytes) -> None:
        if what == "read" and path.endswith(b"/bagit.txt"):
            far.beneath["bucket"].lay(mark, b"{}")

    far.beneath["bucket"].hook = begun
    line = adopted(far)
    assert (line.became, line.outcome) == ("nothing", Outcome.INCONCLUSIVE)
    assert "a run is making a copy in it now" in line.problem and ("bucket", "box-0") not in recorded(far)
    far.beneath["bucket"].hook = lambda what, path: None
    far.beneath["bucket"].remove(mark)
    assert adopted(far).became == "copy" and ("bucket", "box-0") in recorded(far)
