"""The Python interface to bags: `read`, `validate`, `write`. See docs/api.md, whose examples are run by the tests."""

import os
from collections.abc import Iterable, Mapping, Sequence

from preserve.bag.making.given import COMPUTED, algorithms_named, lines_given, one_of, patterns_given, place
from preserve.bag.making.request import DEFAULT_ALGORITHMS, BagRequest, EmptyFolders, Written
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.validation import Validator
from preserve.progress import Progress

Place = str | bytes | os.PathLike[str]


def validate(
    bag: Place,
    *,
    depth: Depth | str = Depth.FULL,
    profile: Place | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Validator:
    """Validates a bag: iterate over what comes back for findings as they are found; its `result` sums up.

    Args:
        bag: a folder, or an archive that holds a bag (the drafts' §4, serialisation).
        depth: FULL ("full") reads every byte. What less shows is said by the result's `depth`.
        profile: the JSON file of a BagIt profile to compare it with.
        threads: how many large files are read side by side.

    Raises:
        UsageError: there is nothing at `bag`, the profile is none, or there is no such depth. Damage is never raised;
            it is a finding.
        UndeterminedError: there is no room in the temporary folder.
    """
    wanted = one_of(Depth, depth, "depth")
    loaded = None
    if profile is not None:
        from preserve.bag.profiles import loading as profiles

        loaded = profiles.load(place(profile))
    return Validator(place(bag), depth=wanted, threads=threads, progress=progress, profile=loaded)


def write(
    source: Place | Sequence[Place],
    to: Place | None,
    *,
    algorithms: str | Sequence[str] = DEFAULT_ALGORITHMS,
    info: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ignore: str | bytes | Iterable[str | bytes] = (),
    empty_folders: EmptyFolders | str = EmptyFolders.LEAVE_OUT,
    follow_links: bool = False,
    threads: int = 2,
    progress: Progress | None = None,
) -> Written:
    """Makes a bag of version 1.0; called again after a crash, it goes on where it was.

    Args:
        source: a folder, or several folders and files.
        to: the folder that becomes the bag and does not exist; None makes the one source itself the bag.
        algorithms: as people write them, such as `SHA-256`; one or several.
        info: labels and values of bag-info.txt, in order; Bagging-Date, Payload-Oxum and Package-UUID are added.
        ignore: one pattern or several.
        empty_folders: a choice or its word, such as "keep".
        follow_links: see `preserve.bag.making.request.BagRequest`, as for `ignore` and `empty_folders`.

    Raises:
        UsageError, UndeterminedError: see `preserve.bag.making.writing.write_bag`.
    """
    from preserve.bag.making.writing import write_bag

    lines = lines_given(info)
    sources = [source] if isinstance(source, str | bytes | os.PathLike) else source
    request = BagRequest(
        sources=tuple(os.path.realpath(place(each)) for each in sources),
        target=None if to is None else place(to),
        algorithms=algorithms_named(algorithms),
        info=(*lines, *((label, None) for label in COMPUTED)),
        ignore=patterns_given(ignore),
        empty_folders=one_of(EmptyFolders, empty_folders, "empty_folders"),
        follow_links=follow_links,
        threads=threads,
    )
    return write_bag(request, progress)
