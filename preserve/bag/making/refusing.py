"""What speaks against making a bag, said before anything is touched."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

from checks.names import show
from preserve.bag.making.layout import IN_PLACE
from preserve.bag.making.request import BagRequest
from preserve.bag.making.sources import Ignored
from preserve.bag.making.survey import WORK_FOLDER, listed
from preserve.bag.making.workfolder import WorkFolder
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.local_source import cause_of
from preserve.stores.looking import stands
from preserve.stores.nesting import nested

AS_A_COPY = "Make the bag as a copy: `preserve bag SOURCE --to DIR`."


def taken(target: bytes) -> UsageError:
    """Says that something stands where the bag should come to stand."""
    return UsageError(
        f"{show(target)}: is there already", remedy="Choose a folder that does not exist; nothing is ever replaced."
    )


def refuse_target_in(sources: Sequence[bytes], target: bytes) -> None:
    """UsageError if the target is a source, or lies in one, by whatever links and mounts."""
    real = os.path.realpath(target)
    for source in sources:
        if real == source or (os.path.isdir(source) and nested(source, real)):
            raise UsageError(
                f"{show(target)}: lies in the source",
                remedy="Choose a folder outside of it, or make the source itself the bag with --in-place.",
            )


def refuse_begun_in_place(sources: Sequence[bytes]) -> None:
    """UsageError if files of a source are perhaps on their way into `data/`, or our folder's name is another's."""
    for source in sources:
        begun = WorkFolder(os.path.join(source, WORK_FOLDER), IN_PLACE)
        if stands(begun.path):
            begun.refuse_foreign([source])
            raise UsageError(
                f"{show(source)}: bagging it in place was begun and not finished",
                remedy="Finish it first: `preserve bag --in-place` on the same folder.",
            )


def refuse_unwritable_target(parent: bytes) -> None:
    """UsageError if nothing can be made in `parent`. What only a write can tell is told when it fails."""
    above = parent
    while not stands(above):
        above = os.path.dirname(above)
    if not os.access(above, os.W_OK | os.X_OK):
        raise UsageError(
            f"{show(above)}: cannot be written to, so that no bag can be made there; nothing was touched",
            remedy="Choose another folder with --to, or mount this one so that it can be written to.",
        )


def refuse_what_needs_a_copy(request: BagRequest) -> None:
    """UsageError for what cannot be had in place."""
    if len(request.sources) != 1:
        raise UsageError(
            f"{len(request.sources)} sources cannot become one bag in place; nothing was touched",
            remedy="Name one folder, or make the bag as a copy: `preserve bag SOURCE... --to DIR`.",
        )
    if request.follow_links:
        raise UsageError(
            f"{show(request.sources[0])}: links cannot be followed in place: they would have to be replaced by copies",
            remedy="Make the bag as a copy: `preserve bag SOURCE --to DIR --follow-links`.",
        )


def refuse_to_take_out(root: bytes, ignored: Sequence[Ignored]) -> None:
    """UsageError if something in the folder that becomes the bag is to be left out of it."""
    if ignored:
        raise UsageError(
            f"{show(root)}: these meet a pattern that is to be ignored, and stand in the folder that would become the "
            "bag; nothing was deleted or moved\n" + listed([show(each.path) for each in ignored]),
            remedy="Make the bag as a copy, `preserve bag SOURCE --to DIR`, or take these out of the folder first.",
        )


def refuse_immovable(root: bytes, names: Iterable[bytes]) -> None:
    """Looks whether what is in a folder can be moved within it.

    Raises:
        UsageError: the folder cannot be written to, or one of the names in it is the place of another mount.
        UndeterminedError: the folder cannot be looked at.
    """
    if not os.access(root, os.W_OK | os.X_OK):
        raise UsageError(
            f"{show(root)}: cannot be written to, so that it cannot become a bag itself; nothing was touched",
            remedy=AS_A_COPY,
        )
    try:
        device = os.lstat(root).st_dev
    except OSError as error:
        why = f"{show(root)}: cannot be looked at ({cause_of(error)}); nothing was touched"
        raise UndeterminedError(why, remedy=AS_A_COPY) from error
    for name in names:
        path = os.path.join(root, name)
        if _device(path) not in (device, None):
            raise UsageError(
                f"{show(path)}: another file system is mounted here, and files cannot be moved with it",
                remedy=AS_A_COPY,
            )


def _device(path: bytes) -> int | None:
    """None if it is gone, or cannot be looked at, which moving it tells."""
    with suppress(OSError):
        return os.lstat(path).st_dev
    return None
