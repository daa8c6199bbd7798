"""The names in a work folder. What has another name is not ours: it is never deleted, and nothing goes on beside it."""

import re
from dataclasses import dataclass
from hashlib import sha256

LOCK = b"lock"  # empty
STATE = b"state.json"
LOG = b"read.log"
READ_BACK = b"read-back.log"
DECLARATION = b"declaration"  # bagit.txt under a name that makes nothing a bag
DATA = b"data"
TAGS = b"tags"
MOVING = b"moving"  # marker, in place: from now on files are moved
BAG = b"bag"  # as a copy: becomes the target
WHOLE = b"whole"  # marker, as a copy: the bag is whole and flushed; only the rename is left. It holds the bag's inode

_LONGEST_NAME = 255  # bytes, of nearly every file system
_STAGED = re.compile(rb"\.(.+)\.[0-9a-f]{8}\.partial\Z", re.DOTALL)  # see `preserve.stores.durable.write_durably`


@dataclass(frozen=True, slots=True)
class Layout:
    """What a work folder of one kind holds beside its lock and its state."""

    files: frozenset[bytes]
    folders: frozenset[bytes]

    def is_file(self, name: bytes) -> bool:
        """Whether a file of that name is ours."""
        staged = _STAGED.match(name)
        return (staged[1] if staged else name) in self.files | {LOCK, STATE}


IN_PLACE = Layout(frozenset({LOG, LOG + b".new", DECLARATION, MOVING}), frozenset({DATA, TAGS}))
COPY = Layout(frozenset({LOG, READ_BACK, READ_BACK + b".new", DECLARATION, WHOLE}), frozenset({BAG}))


def is_of_the_beginning(name: bytes) -> bool:
    """Whether it may be there before there is a state."""
    staged = _STAGED.match(name)
    return name == LOCK or (staged is not None and staged[1] == STATE)


def work_name(target: bytes) -> bytes:
    """The name of the folder in which a copy of that name comes to be; a long one is told by its digest."""
    name = b".%b.preserve-partial" % target
    if len(name) <= _LONGEST_NAME:
        return name
    return b".%b.preserve-partial" % sha256(target).hexdigest().encode("ascii")
