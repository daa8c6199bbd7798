"""On which replicas the files that are damaged somewhere are good."""

from collections.abc import Collection

from checks.findings import Code
from checks.verdicts import FileVerdict
from preserve.app.workspace import Workspace
from preserve.catalog.rows import CopyRow

_MOST_FILES = 20_000  # damaged ones, of which more is asked; with more, `preserve report drift` tells


def good_on(workspace: Workspace, package_ids: Collection[int], replica: str = "") -> tuple[str, ...]:
    """The replicas on each of which every file of these packages that is bad there, or anywhere, is good.

    None where there is no such replica, or too much is damaged to look.
    """
    copies = workspace.catalog.copies(sorted(package_ids))
    if not package_ids or sum(copy.damage for copy in copies) > _MOST_FILES:
        return ()
    found = {copy.replica for copy in copies}
    for package_id in package_ids:
        found &= {copy.replica for copy in copies if copy.package_id == package_id and _read(copy)}
        bad = [file for file in workspace.catalog.file_verdicts(package_id) if _bad(file, replica)]
        for file in bad:
            found &= set(file.good_on)
        if not bad:  # the whole copy is missing: then no file of it has findings of its own
            found -= {copy.replica for copy in copies if copy.package_id == package_id and copy.damage}
    return tuple(sorted(found))


def _bad(file: FileVerdict, replica: str) -> bool:
    untracked = any(Code.UNTRACKED in codes for codes in file.codes.values())
    return not untracked and (replica in file.bad_on if replica else bool(file.bad_on))


def _read(copy: CopyRow) -> bool:
    return copy.current and not copy.undetermined and copy.shards_read == copy.shards
