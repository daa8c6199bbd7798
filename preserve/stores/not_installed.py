"""A place elsewhere when what speaks to such places is not installed: a replica that is away, and says what to do."""

from typing import NoReturn

from checks.ports import UnavailableError


class NotInstalled:
    """A `WritableStore` that is not there, whatever it is asked.

    Args:
        where: the place, for people.
        extra: of this package, with which what is missing comes.
    """

    def __init__(self, where: str, extra: str) -> None:
        self.where = where
        self.in_flight = 1
        self._cause = f"what speaks to it is not installed: {remedy(extra)}"

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise UnavailableError(f"{self.where}: {self._cause}", cause=self._cause)

    identity = stat = listing = names_in = open = create = append = remove = remove_folder = free_bytes = _refuse

    def refused(self, path: bytes) -> str | None:
        """Nothing is known of its names."""
        return None

    def close(self) -> None:
        """There is nothing to close."""


class BucketNotInstalled(NotInstalled):
    """Such a bucket: also Claiming, Versioned and Thawing, so that it is told as away, and not as a plain folder."""

    claim = protection = thaw = NotInstalled._refuse


def remedy(extra: str) -> str:
    """What to type."""
    return f"pip install 'preserve-toolkit[{extra}]'"
