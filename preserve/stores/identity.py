"""A replica's identity: the file that tells the right disk from an empty mount or another disk."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from checks.names import show
from checks.ports import UnavailableError
from preserve.stores.durable import sync_directory, write_durably

OURS = b".preserve"  # everything of ours on a replica besides the bags
STAGING = OURS + b"/staging"  # copies in the making
REMOVED = OURS + b"/removed"  # copies that are being deleted
QUARANTINE = OURS + b"/quarantine"  # what repairs set aside
IDENTITY_FILE = OURS + b"/identity.json"
NO_IDENTITY = "no identity file in it: an empty mount or another disk"
LIMIT_BYTES = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is written on a replica."""

    uuid: str
    name: str


def read_identity(root: bytes) -> Identity:
    """Reads it anew from the medium's file system.

    Raises:
        UnavailableError: the folder is gone, it is an empty mount, or the file cannot be read or understood.
    """
    path = os.path.join(root, IDENTITY_FILE)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            return identity_from(file.read(LIMIT_BYTES), path)
    except FileNotFoundError as error:
        there = os.path.isdir(root)
        why = NO_IDENTITY if there else "the folder is not there"
        raise UnavailableError(f"{show(root)}: {why}", cause=why) from error
    except OSError as error:
        raise UnavailableError(f"{show(path)}: {error.strerror}", cause=error.strerror or "unreadable") from error


def identity_from(content: bytes, path: bytes) -> Identity:
    """What an identity file says; UnavailableError, which names `path`, if it is none."""
    try:
        document = json.loads(content)
        return Identity(uuid=str(UUID(document["replica"])), name=str(document["name"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UnavailableError(
            f"{show(path)}: not an identity file", cause="its identity file cannot be understood"
        ) from error


def write_identity(root: bytes, identity: Identity, at: datetime) -> None:
    """Writes the identity onto a replica, durably. The folder itself must exist."""
    folder = os.path.join(root, OURS)
    os.makedirs(folder, exist_ok=True)
    sync_directory(root)
    write_durably(os.path.join(root, IDENTITY_FILE), document_of(identity, at))


def document_of(identity: Identity, at: datetime) -> bytes:
    """The identity file's content."""
    document = {
        "format": "preserve-replica/1",
        "replica": identity.uuid,
        "name": identity.name,
        "written_at": at.isoformat(),
        "note": "This file tells the disk apart from others. Do not copy it to another disk and do not delete it.",
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
