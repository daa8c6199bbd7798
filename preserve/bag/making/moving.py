"""Putting files back that were moved on the way to a bag, and telling which one stood in the way."""

import os

from checks.names import show
from preserve.bag.making.survey import listed
from preserve.errors import UndeterminedError
from preserve.stores.durable import rename_no_replace, sync_directory, writing


def put_back(aside: bytes, root: bytes) -> None:
    """Renames everything in the folder `aside` back into `root`, and takes `aside` away.

    Raises:
        UndeterminedError: something else stands in a place by now; both stay, and all others are back.
    """
    twice = []
    with writing(root):
        for name in sorted(os.listdir(aside)):
            try:
                rename_no_replace(os.path.join(aside, name), os.path.join(root, name))
            except FileExistsError:
                twice.append(name)
        sync_directory(root)
        if not twice:
            os.rmdir(aside)
    if twice:
        raise UndeterminedError(
            f"{show(root)}: while its files were being moved, others of the same names were made there; both are "
            f"kept, and those that were there before lie in {show(aside)}\n" + listed([show(name) for name in twice]),
            remedy="Look at both, rename the one in the folder or take it out, and run the same command again.",
        )


def why(error: OSError) -> str:
    """What the system says, and of which file, where it says so."""
    at = f": {show(os.fsencode(error.filename))}" if isinstance(error.filename, str | bytes) else ""
    return f"{error.strerror}{at}"
