"""The names of a folder with so many that memory should not hold them all."""

from collections.abc import Collection, Iterable, Iterator

from checks.ports import Kind
from preserve.ordering import Sorter

_KINDS = {kind.value.encode(): kind for kind in Kind}
_CODES = {kind: code for code, kind in _KINDS.items()}


class ManyNames(Collection[tuple[bytes, Kind, None]]):
    """Names and kinds in bytewise order of name, beyond some in a temporary file. Without stats.

    Raises:
        OSError: the temporary folder is full.
    """

    def __init__(self) -> None:
        self._sorter = Sorter()
        self._count = 0

    def take(self, names: Iterable[tuple[bytes, Kind, object]]) -> None:
        """More of them, in any order."""
        for name, kind, _ in names:
            self._sorter.add(name + b"\0" + _CODES[kind])  # a name holds no NUL, so the order is that of names
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[bytes, Kind, None]]:
        for record in self._sorter:
            name, _, code = record.partition(b"\0")
            yield name, _KINDS[code], None

    def __contains__(self, name: object) -> bool:
        return any(each == name for each in self)
