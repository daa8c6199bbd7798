"""False greens that somebody, or a machine that is set wrongly, could bring about."""

import os
import shutil
from dataclasses import replace

from checks.listing import compare
from preserve.app import health, traces
from preserve.audit import copies
from preserve.stores import local
from tests.fault.false_greens.stage import DAY, LIE, PAST_TARGET, FalseGreen, Guard, Stage


def test_a_link_to_another_copy_is_counted_as_a_copy(stage: Stage) -> None:
    file, other = stage.file("nas"), stage.file("disk")
    file.unlink()
    file.symlink_to(other)
    assert stage.audit()[0] == 1, LIE
    assert stage.codes() == {"wrong-kind"}


def test_catalog_says_present_nobody_looks_what_else_is_there(stage: Stage) -> None:
    stage.file("nas").with_name("planted").write_bytes(b"never taken in")
    shutil.copytree(stage.placed.copy("nas", "box-1"), stage.folder / "nas" / "a bag of somebody")
    stage.later(PAST_TARGET)
    assert stage.audit("--due")[0] == 1, LIE
    assert stage.codes() == {"untracked"}
    assert "unknown-on-replica:nas" in stage.watch()[1], LIE


def test_the_record_is_put_back_to_what_it_was_before_the_damage(stage: Stage) -> None:
    catalog = stage.folder / "catalog.sqlite"
    before = catalog.read_bytes()
    stage.flip(stage.file("nas"))
    assert stage.audit()[0] == 1
    for name in stage.folder.glob("catalog.sqlite*"):
        name.unlink()
    catalog.write_bytes(before)
    status, seen = stage.watch()
    assert (status, "record-altered" in seen) == (1, True), LIE


def test_a_clock_that_was_set_back_makes_everything_look_fresh(stage: Stage) -> None:
    stage.later(-2 * DAY)
    assert "clock-wrong" in stage.watch()[1], LIE


def _nobody_lists(stage: Stage) -> None:
    stage.patch.setattr(copies, "compare", lambda *of: replace(compare(*of), untracked=frozenset()))


GUARDS = {
    "test_a_link_to_another_copy_is_counted_as_a_copy": FalseGreen(
        "a threat",
        "a link to the good copy elsewhere was read in place of a file that was gone",
        (
            Guard(
                "no link is followed below a replica's root (O_NOFOLLOW)",
                lambda stage: stage.patch.setattr(local, "_READ", local._READ & ~os.O_NOFOLLOW),
            ),
        ),
    ),
    "test_catalog_says_present_nobody_looks_what_else_is_there": FalseGreen(
        "audits in one direction",
        "what stood on the storage and in no catalog was never seen",
        (
            Guard("each copy is listed, and its names are compared both ways", _nobody_lists),
            Guard(
                "each run surveys the replica's root",
                lambda stage: stage.patch.setattr(traces, "survey_replicas", lambda *_: {}),
            ),
        ),
    ),
    "test_the_record_is_put_back_to_what_it_was_before_the_damage": FalseGreen(
        "a threat",
        "the record of a damage could be taken back without anybody noticing",
        (
            Guard(
                "the head of the journal is left on every replica, and compared",
                lambda stage: stage.patch.setattr(health, "_altered", lambda workspace: ""),
            ),
        ),
    ),
    "test_a_clock_that_was_set_back_makes_everything_look_fresh": FalseGreen(
        "a threat",
        "by a clock that was set back nothing was ever too old",
        (
            Guard(
                "a journal that is ahead of the clock is a concern",
                lambda stage: stage.patch.setattr("checks.health._clock", lambda situation: ()),
            ),
        ),
    ),
}
