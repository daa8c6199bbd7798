"""The Python interface to bags: `read`, `validate`, `write`. See docs/api.md, whose examples are run by the tests."""

import os
from collections.abc import Iterable, Sequence

from preserve.bag.making.given import COMPUTED, algorithms_named, place, refuse_lines
from preserve.bag.making.request import DEFAULT_ALGORITHMS, BagRequest, EmptyFolders, Written
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import Validator
from preserve.progress import Progress

Place = str | bytes | os.PathLike[str]


def validate(
    bag: Place,
    *,
    depth: Depth = Depth.FULL,
    profile: Place | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Validator:
    """Validates a bag: iterate over what comes back for findings as they are found; its `result` sums up.

    Args:
        bag: a folder, or an archive that holds a bag (the drafts' §4, serialisation).
        depth: FULL reads every byte. What less shows is said by the result's `depth`.
        profile: the JSON file of a BagIt profile to compare it with.
        threads: how many large files are read side by side.

    Raises:
        UsageError: there is nothing at `bag`, or the profile is none. Damage is never raised; it is a finding.
        UndeterminedError: there is no room in the temporary folder.
    """
    loaded = None
    if profile is not None:
        from preserve.bag.profiles import loading as profiles

        loaded = profiles.load(place(profile))
    return Validator(place(bag), depth=depth, threads=threads, progress=progress, profile=loaded)


def write(
    source: Place | Sequence[Place],
    to: Place | None,
    *,
    algorithms: Sequence[str] = DEFAULT_ALGORITHMS,
    info: Iterable[tuple[str, str]] = (),
    ignore: Iterable[str | bytes] = (),
    empty_folders: EmptyFolders = EmptyFolders.LEAVE_OUT,
    follow_links: bool = False,
    threads: int = 2,
    progress: Progress | None = None,
) -> Written:
    """Makes a bag of version 1.0; called again after a crash, it goes on where it was.

    Args:
        source: a folder, or several folders and files.
        to: the folder that becomes the bag and does not exist; None makes the one source itself the bag.
        algorithms: as people write them, such as `SHA-256`.
        info: labels and values of bag-info.txt, in order; Bagging-Date, Payload-Oxum and Package-UUID are added.
        ignore, empty_folders, follow_links: see `preserve.bag.making.request.BagRequest`.

    Raises:
        UsageError, UndeterminedError: see `preserve.bag.making.writing.write_bag`.
    """
    from preserve.bag.making.writing import write_bag

    lines = list(info)
    refuse_lines(lines)
    sources = [source] if isinstance(source, str | bytes | os.PathLike) else source
    request = BagRequest(
        sources=tuple(os.path.realpath(place(each)) for each in sources),
        target=None if to is None else place(to),
        algorithms=algorithms_named(algorithms),
        info=(*lines, *((label, None) for label in COMPUTED)),
        ignore=tuple(os.fsencode(pattern) for pattern in ignore),
        empty_folders=empty_folders,
        follow_links=follow_links,
        threads=threads,
    )
    return write_bag(request, progress)
