"""What is left over when listed names and names on disk were merged: paired where only the spelling differs."""

import marshal
from collections.abc import Iterator
from itertools import groupby

from checks.names import canonical
from preserve.bag.tags.manifests import Claim, Expected
from preserve.ordering import Sorter


class Leftovers:
    """Names listed and not found, and names found and not listed; memory holds no more of them than a `Sorter` does.

    Raises:
        OSError: the temporary folder is full.
    """

    def __init__(self) -> None:
        self._sorter = Sorter()

    def absent(self, expected: Expected) -> None:
        """A listed name that is not on disk."""
        self._add(expected.path, [(column, line, digest) for column, line, digest in expected.claims])

    def unlisted(self, path: bytes) -> None:
        """A name on disk that is not listed."""
        self._add(path, None)

    def _add(self, path: bytes, claims: list[tuple[int, int, bytes]] | None) -> None:
        self._sorter.add(canonical(path) + b"\0" + marshal.dumps((path, claims)))

    def pairs(self) -> Iterator[tuple[Expected | None, bytes | None]]:
        """(listed, None), (None, on disk), or both: exactly one of each has that canonical form; twins never pair.

        In the order of the canonical forms; again and again, if need be.
        """
        for _, group in groupby(self._sorter, key=lambda record: record.partition(b"\0")[0]):
            listed, found = list[Expected](), list[bytes]()
            for record in group:
                path, claims = marshal.loads(record.partition(b"\0")[2])  # our own, of a moment ago
                if claims is None:
                    found.append(path)
                else:
                    listed.append(Expected(path, [Claim(*claim) for claim in claims]))
            if len(listed) == len(found) == 1:
                yield listed[0], found[0]
                continue
            for expected in listed:
                yield expected, None
            for path in found:
                yield None, path

    def close(self) -> None:
        """Gives temporary files back."""
        self._sorter.close()
