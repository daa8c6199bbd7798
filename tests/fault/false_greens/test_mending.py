"""False greens of repair: what is put in place, and whether anybody looks at it again."""

from dataclasses import replace

from preserve.catalog import acts
from preserve.repair import mending
from preserve.repair.reading import fetch
from tests.fault.false_greens.stage import LIE, FalseGreen, Guard, Stage
from tests.support.repairing import mend


def test_the_primary_copy_is_favoured(stage: Stage) -> None:
    """The copy that repair would take first goes bad after it was last read."""
    bad = stage.file("disk")
    good = bad.read_bytes()
    stage.flip(bad)
    assert stage.audit(replica="disk")[0] == 1
    (planned,) = mend(stage.placed, apply=False).lines
    stage.flip(stage.file(planned.source))
    (done,) = mend(stage.placed).lines
    assert bad.read_bytes() == good, f"{LIE}: the bad bytes were spread"
    assert (done.ending, done.source != planned.source) == ("repaired", True)


def test_a_repaired_copy_is_not_read_again(stage: Stage) -> None:
    stage.flip(stage.file("disk"))
    assert stage.audit(replica="disk")[0] == 1
    assert stage.preserve("repair", "--apply")[0] == 0
    stage.flip(stage.file("disk"))  # the disk does it again
    assert stage.audit("--due", replica="disk")[0] == 1, LIE


def _sources_are_believed(stage: Stage) -> None:
    stage.patch.setattr(mending, "fetch", lambda *of, **how: replace(fetch(*of, **how), fault=""))


GUARDS = {
    "test_the_primary_copy_is_favoured": FalseGreen(
        "Ceph, without checksums",
        "the first copy was taken for the right one, and put over the others",
        (
            Guard(
                "only bytes that match the inventory are put in place, whatever copy they are of", _sources_are_believed
            ),
        ),
    ),
    "test_a_repaired_copy_is_not_read_again": FalseGreen(
        "what LOCKSS guards against",
        "a repaired copy counted as good by the repair",
        (
            Guard(
                "what was repaired is read again in the next run, whatever its age",
                lambda stage: stage.patch.setattr(acts, "want_repaired", lambda *_: None),
            ),
        ),
    ),
}
