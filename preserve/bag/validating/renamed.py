"""Files that lie under another name: listed and missing here, there and unlisted elsewhere, with the same content."""

from collections.abc import Callable, Iterator
from functools import partial

from checks.digesting import Digester, Reading, Wanted
from preserve.bag.tags.manifests import FETCH_COLUMN
from preserve.bag.trees import Tree
from preserve.bag.validating.leftovers import Leftovers

_MOST = 10_000  # missing names that are held in memory; of more, nothing is looked for

AlgorithmOf = Callable[[int], str | None]  # by a manifest's column


def renamed(left: Leftovers, tree: Tree, digester: Digester, algorithm_of: AlgorithmOf) -> dict[bytes, bytes]:
    """Missing name -> name on disk, for what every manifest's digest agrees with. Reads the unlisted files for it.

    Empty files are all alike, and nothing is said of them.
    """
    by_digest: dict[bytes, tuple[bytes, dict[str, bytes]]] = {}
    unlisted = 0
    for expected, path in left.pairs():
        if expected is None:
            unlisted += 1
        elif path is None:
            wanted = {}
            for column, _, digest in expected.claims:
                algorithm = algorithm_of(column) if column != FETCH_COLUMN and digest else None
                if algorithm is not None:
                    wanted[algorithm] = digest
            if wanted:
                by_digest.setdefault(next(iter(wanted.values())), (expected.path, wanted))
            if len(by_digest) > _MOST:
                return {}
    if not by_digest or not unlisted:
        return {}
    return dict(_matches(by_digest, digester.observe(_unlisted(left, tree))))


def _unlisted(left: Leftovers, tree: Tree) -> Iterator[Wanted]:
    for expected, path in left.pairs():
        if expected is None and path is not None:
            yield Wanted(path, partial(tree.open, path, past_cache=False), None)


def _matches(
    by_digest: dict[bytes, tuple[bytes, dict[str, bytes]]], readings: Iterator[Reading]
) -> Iterator[tuple[bytes, bytes]]:
    for reading in readings:
        if not reading.sound or not reading.size_bytes:
            continue
        for digest in reading.digests.values():
            missing, wanted = by_digest.get(digest, (b"", {}))
            if wanted and all(reading.digests.get(name) == each for name, each in wanted.items()):
                del by_digest[digest]
                yield missing, reading.path
                break
