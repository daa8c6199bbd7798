"""Opening a bag wherever it lies: a folder, or an archive that holds it (the drafts' §4, serialisation)."""

import os
import stat as modes
from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.trees import Tree
from preserve.errors import UsageError
from preserve.progress import Progress
from preserve.stores.local import LocalStore
from preserve.stores.local_source import cause_of

if TYPE_CHECKING:
    from preserve.bag.archives.archive import Archive

Opened = tuple[Tree | None, "Archive | None"]


def opened(bag: bytes, held: ExitStack, progress: Progress) -> Generator[Finding, None, Opened]:
    """The tree to read, None if there is none, which is said; and the archive that it lies in, if it does.

    Raises:
        UsageError: there is nothing at all.
        UndeterminedError: there is no room for unpacking a compressed archive.
    """
    try:
        mode = os.stat(bag).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.islink(bag):
            yield Finding(code=Code.NOT_A_BAG, parameters={"why": "it is a symbolic link to nothing"})
            return None, None
        raise UsageError(
            f"{show(bag)}: there is nothing there",
            remedy="Check how the path is written, and that its disk is mounted. Name the bag's folder or its archive.",
        ) from error
    except OSError as error:
        yield Finding(code=Code.LISTING_INCOMPLETE, parameters={"cause": cause_of(error)})
        return None, None
    if modes.S_ISDIR(mode):
        return LocalStore(bag), None
    from preserve.bag.archives import archive as archives  # most bags are folders, and decompressors are slow to come

    archive = held.enter_context(archives.opened(bag, progress))
    yield from archive.findings()
    return archive.tree, archive
