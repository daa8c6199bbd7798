"""The chain, link by link: whether it holds, reaches its head, and has the heads that were seen elsewhere."""

from collections.abc import Iterable, Iterator

from preserve.catalog.journal import BEGINNING, link_hash
from preserve.catalog.moments import text_of
from preserve.catalog.rows import Fault, Head

Link = tuple[int, str, bytes, bytes, bytes]  # number, kind, previous, body, hash: as they are stored
_RESTS = "; all that follows it rests on a broken chain"


class Linking:
    """Follows a chain. After a break it goes on from what stands there, so that each break is named."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self._number, self._hash = 0, BEGINNING
        self._whole = True
        self._wanted: dict[int, list[Head]] = {}
        for head in heads:
            self._wanted.setdefault(head.number, []).append(head)

    def follow(self, link: Link) -> Iterator[Fault]:
        """What is wrong with the next link."""
        number, _, previous, body, hash_ = link
        if number != self._number + 1:
            missing = f"the links {self._number + 1} to {number - 1} are gone" if number > 1 else "this is no number"
            yield self._broken(number, f"before link {number}: {missing}")
        elif previous != self._hash:
            message = f"link {number} does not follow on link {number - 1}"
            yield self._broken(number, message, self._hash, previous)
        if not _is_own(number, previous, body, hash_):
            yield self._broken(number, f"link {number} was changed: its hash is not that of its content")
        for head in self._wanted.pop(number, ()):
            if head.hash != hash_:
                yield _rewritten(head, hash_)
        self._number, self._hash = number, hash_

    def end(self, head: tuple[int, bytes] | None) -> Iterator[Fault]:
        """What is wrong with the end, where `head` is the catalog's own."""
        if head is None:
            yield Fault(where="journal_head", number=None, message="the journal's head is gone")
        elif head != (self._number, self._hash):
            yield Fault(
                where="journal_head",
                number=self._number,
                message="the journal's head is not its last link",
                expected=f"{self._number} {_hex(self._hash)}",
                found=f"{head[0]} {_hex(head[1])}",
            )
        for head_seen in (one for heads in self._wanted.values() for one in heads):
            if (head_seen.number, head_seen.hash) != (0, BEGINNING):
                yield _cut(head_seen, self._number)

    def _broken(self, number: int, message: str, expected: object = b"", found: object = b"") -> Fault:
        rests, self._whole = (_RESTS if self._whole else ""), False
        return Fault(
            where="journal", number=number, message=message + rests, expected=_hex(expected), found=_hex(found)
        )


def _is_own(number: int, previous: object, body: object, hash_: object) -> bool:
    """SQLite keeps what it is given: text or numbers, too."""
    if not (number > 0 and isinstance(previous, bytes) and isinstance(body, bytes)):
        return False
    return link_hash(number, previous, body) == hash_


def _rewritten(head: Head, found: object) -> Fault:
    return Fault(
        where="journal",
        number=head.number,
        message=f"the journal was written anew: {head.where} knows another link {head.number}{_when(head)}",
        expected=_hex(head.hash),
        found=_hex(found),
    )


def _cut(head: Head, last: int) -> Fault:
    return Fault(
        where="journal",
        number=head.number,
        message=f"the journal was cut back: {head.where} knows its link {head.number}{_when(head)}",
        expected=f"{head.number} {_hex(head.hash)}",
        found=f"ends with link {last}",
    )


def _when(head: Head) -> str:
    return "" if head.at is None else f", seen there at {text_of(head.at)}"


def _hex(stored: object) -> str:
    return stored.hex() if isinstance(stored, bytes) else str(stored)
