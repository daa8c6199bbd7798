"""Looking over a source before anything is touched: what a bag cannot carry is refused, by name."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from checks.names import show
from checks.ports import Kind, NotFoundError, StoreError
from preserve.bag import declaration
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.lines import is_utf8
from preserve.bag.walking import Seen, walk
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.local import LocalStore
from preserve.stores.looking import stands

WORK_FOLDER = b".preserve-bagging"
_NAMED = 20  # in one message
_KINDS = {Kind.SYMLINK: "a symbolic link", Kind.OTHER: "a device, FIFO or socket"}


@dataclass(slots=True)
class Survey:
    """The files of a source, as paths below it in bytewise order, and its empty folders."""

    paths: list[bytes] = field(default_factory=list)
    empty_folders: list[bytes] = field(default_factory=list)

    def warnings(self) -> Iterator[Finding]:
        """What the bag will not carry, or will carry nothing of."""
        if not self.paths:
            yield Finding(code=Code.SOURCE_EMPTY)
        for path in self.empty_folders:
            yield Finding(code=Code.EMPTY_FOLDER, path=path)


def survey(store: LocalStore) -> Survey:
    """Walks the source once, without reading a file.

    Raises:
        UsageError: it is not a folder, is a bag already, or holds what a bag cannot carry (all of it is named).
        UndeterminedError: a folder in it cannot be listed.
    """
    found, refused, unlisted = Survey(), list[str](), list[str]()
    try:
        for seen in walk(store, b"", skip=WORK_FOLDER):
            why = _why_refused(seen)
            if seen.problem is not None:
                unlisted.append(f"{show(seen.path)}: cannot be listed ({seen.problem})")
            elif why is not None:
                refused.append(f"{show(seen.path)}: {why}")
            elif seen.kind is Kind.DIRECTORY:
                found.empty_folders.append(seen.path)
            else:
                found.paths.append(seen.path)
    except StoreError as error:
        raise _not_a_source(store.root, error) from error
    _refuse_bag(store)
    if refused:
        raise UsageError(
            f"{show(store.root)}: cannot be bagged as it is; nothing was touched\n" + listed(refused),
            remedy="Replace links by the files they mean, rename, or take these out of the folder.",
        )
    if unlisted:
        raise UndeterminedError(f"{show(store.root)}: nothing was touched\n" + listed(unlisted))
    return found


def _why_refused(seen: Seen) -> str | None:
    if seen.kind in _KINDS:
        return f"{_KINDS[seen.kind]}, which a bag cannot carry"
    if not is_utf8(seen.path):
        return "the name is not UTF-8, which a bag of version 1.0 with UTF-8 manifests cannot carry"
    return None


def _refuse_bag(store: LocalStore) -> None:
    try:
        store.stat(declaration.NAME)
    except NotFoundError:
        return
    raise bag_already(store.root)


def bag_already(root: bytes) -> UsageError:
    """Says that nothing was made here, and nothing looked at."""
    return UsageError(
        f"{show(root)}: this is a bag already (bagit.txt stands in it)",
        remedy="Check it with `preserve validate`, or take it in with `preserve add`.",
    )


def _not_a_source(root: bytes, error: StoreError) -> Exception:
    if isinstance(error, NotFoundError) or not stands(root):
        return UsageError(f"{show(root)}: there is no such folder")
    if error.cause in ("ENOTDIR", "ENOENT"):  # a file, or a link to nothing
        return UsageError(f"{show(root)}: not a folder", remedy="A bag is made of a folder; put the file into one.")
    return UndeterminedError(f"{show(root)}: cannot be read ({error.cause or error})")


def listed(lines: list[str]) -> str:
    """Lines for a message: the first of them, and how many more there are."""
    more = len(lines) - _NAMED
    return "\n".join(lines[:_NAMED]) + (f"\n… and {more} more" if more > 0 else "")
