"""A bag that stands, as its own bag-info.txt describes it."""

import os
from collections.abc import Iterable
from uuid import UUID

from preserve.bag.finding import Finding
from preserve.bag.making.opening import to_read
from preserve.bag.making.request import Written
from preserve.bag.tags import info
from preserve.bag.tags.lines import split_lines
from preserve.bag.tags.paths import V1_0
from preserve.errors import UndeterminedError
from preserve.stores.durable import writing

PACKAGE_UUID = "Package-UUID"


def written(bag: bytes, algorithms: tuple[str, ...], warnings: Iterable[Finding]) -> Written:
    """What was made; UndeterminedError if somebody has changed it meanwhile."""
    path = os.path.join(bag, info.NAME)
    with writing(path), to_read(path) as file:
        entries, _ = info.parse(split_lines([file.read(info.LIMIT_BYTES)]), V1_0)
    oxum, _ = info.oxum_of(entries)
    uuids = [entry.value for entry in entries if entry.has(PACKAGE_UUID)]
    if oxum is None or not uuids:
        raise UndeterminedError("the bag was made, but its bag-info.txt is not the one that was written")
    return Written(
        bag=bag,
        uuid=UUID(uuids[0]),
        file_count=oxum.files,
        size_bytes=oxum.payload_bytes,
        algorithms=algorithms,
        warnings=tuple(warnings),
    )
