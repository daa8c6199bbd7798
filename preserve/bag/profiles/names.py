"""Names that a BagIt profile allows or asks for: exact paths, and patterns matched in bounded time."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate

_WILD = re.compile(r"[*?\[]")
GLOBS_LIMIT = 1000  # each is tried on every name of a bag
GLOB_TEXT_LIMIT = 100_000  # characters of all; each costs time before the first name is seen


@dataclass(frozen=True, slots=True)
class Patterns:
    """Paths from the bag's root. A name fits if it is one of `exact` or one of `globs` covers the whole of it.

    An asterisk stands for any characters, slashes among them: `*` alone allows every file (BagIt Profiles,
    Tag-Files-Allowed). `?` is one character, `[a-z]` and `[!a-z]` one of a set. An entry also fits itself as it is
    written, so that a file whose name holds a bracket can be named.
    """

    exact: frozenset[bytes]
    globs: tuple[re.Pattern[str], ...]

    def fit(self, path: bytes) -> bool:
        """Whether the profile means this file. Time grows with the lengths of path and patterns, nothing worse:
        what comes before an asterisk is found once and never tried again."""
        if path in self.exact:
            return True
        if not self.globs:
            return False
        text = os.fsdecode(path)
        return any(glob.match(text) for glob in self.globs)


def patterns(entries: Iterable[str]) -> Patterns:
    """Patterns as a profile writes them. ValueError if there are more than can be tried on every name."""
    written = dict.fromkeys(entries)
    wild = [entry for entry in written if _WILD.search(entry)]
    if len(wild) > GLOBS_LIMIT or sum(map(len, wild)) > GLOB_TEXT_LIMIT:
        raise ValueError(f"{len(wild)} patterns of {sum(map(len, wild))} characters")
    return Patterns(
        exact=frozenset(os.fsencode(entry) for entry in written),
        globs=tuple(re.compile(translate(entry)) for entry in wild),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRules:
    """What a profile says of names. `allowed` None: all are.

    A required name that ends in `/` is a folder in which there must be a file (payload only).
    """

    required: tuple[bytes, ...] = ()
    allowed: Patterns | None = None

    def allow(self, path: bytes) -> bool:
        """Whether a file of that name may be in the bag."""
        return self.allowed is None or self.allowed.fit(path)

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return bool(self.required) or self.allowed is not None


class Awaited:
    """The required names that have not passed by yet. Memory holds the profile's names, none of the bag's."""

    def __init__(self, required: Iterable[bytes]) -> None:
        self._left = dict.fromkeys(required)

    def pass_by(self, path: bytes) -> None:
        """Takes note of one file that is there, and of the folders it lies in."""
        if not self._left:
            return
        self._left.pop(path, None)
        cut = path.find(b"/")
        while cut >= 0:
            self._left.pop(path[: cut + 1], None)
            cut = path.find(b"/", cut + 1)

    def left(self) -> list[bytes]:
        """What was asked for and did not come, in the profile's order."""
        return list(self._left)
