"""One object that is being read."""

from collections.abc import Callable

from checks.evidence import Evidence
from checks.ports import Stat
from preserve.stores.s3.timely import SMALL_SECONDS
from preserve.stores.s3.wire import Answer


class S3Source:
    """The body of one GET. `look` asks for the object's state anew.

    What one GET gives is one version of the object from its beginning to its end: a PUT meanwhile makes another one.
    """

    evidence = Evidence.READ

    __slots__ = ("_answer", "_first", "_look", "_offset", "path")

    def __init__(self, path: bytes, answer: Answer | None, first: Stat, look: Callable[[], Stat], offset: int) -> None:
        self.path = path
        self._answer = answer  # None: it was opened at its end or behind it
        self._first: Stat | None = first
        self._look = look
        self._offset = offset

    def stat(self) -> Stat:
        """See `checks.ports.Source`. The first answer is what the GET said; then it is asked for."""
        found, self._first = self._first, None
        return self._look() if found is None else found

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        """See `checks.ports.WholeSource`. One request is enough: see the class."""
        first, answer = self._first, self._answer
        if first is None or answer is None or self._offset or answer.left != first.size_bytes:
            return None
        if first.size_bytes > min(most_bytes, len(buffer)):
            return None
        answer.within(SMALL_SECONDS)
        count = 0
        while count < first.size_bytes:
            count += answer.readinto(buffer[count : first.size_bytes])  # it raises where the body is cut off
        return count, first

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`."""
        return 0 if self._answer is None else self._answer.readinto(buffer)

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None
