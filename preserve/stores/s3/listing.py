"""Names below a prefix.

A key that ends in `/` and holds nothing is how other tools mark a folder: it is no file. One that holds something is
told as something other than a file. Parts that no folder can have (`a//b`, `../x`) are told as they are: they are
names that nobody expects, and whoever asks for them by that name gets that object.
"""

from collections.abc import Collection, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from checks.names import show
from checks.ports import Kind, Listed, NotFoundError
from preserve.stores.local import Name
from preserve.stores.many_names import ManyNames
from preserve.stores.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MANY = 100_000  # names of one folder in memory
_NO_FOLDER = frozenset((b"/", b"./", b"../"))  # whoever went down into these would go round in a circle


def pages(client: "S3Client", bucket: str, prefix: bytes, what: str, **options: Any) -> Iterator[Any]:
    """The answers to a listing, one after another; keys in them are decoded by the SDK."""
    try:
        listing = client.get_paginator("list_objects_v2")
        yield from listing.paginate(Bucket=bucket, Prefix=prefix.decode("utf-8"), **options)
    except (ClientError, BotoCoreError) as error:
        raise translated(what, error) from error


def below(answers: Iterator[Any], prefix: bytes, what: str, *, must_be: bool) -> Iterator[tuple[Listed, int]]:
    """All objects with their sizes in bytes. NotFoundError if there must be a key, and is none."""
    found = False
    for answer in answers:
        for entry in answer.get("Contents", ()):
            path = entry["Key"].encode("utf-8")[len(prefix) :]
            found = True
            if not path.endswith(b"/") and path:
                yield Listed(path, Kind.FILE), entry["Size"]
            elif entry["Size"] and path:
                yield Listed(path, Kind.OTHER), entry["Size"]
    if must_be and not found:
        raise NotFoundError(f"{what}: nothing there", cause="ENOENT")


def in_folder(answers: Iterator[Any], prefix: bytes, folder: bytes) -> Collection[Name]:
    """See `WritableStore.names_in`."""
    found: list[Name] = []
    many: ManyNames | None = None
    marked = False
    for answer in answers:
        for common in answer.get("CommonPrefixes", ()):
            name = common["Prefix"].encode("utf-8")[len(prefix) :]
            found.append((name, Kind.OTHER if name in _NO_FOLDER else Kind.DIRECTORY, None))
        for entry in answer.get("Contents", ()):
            name = entry["Key"].encode("utf-8")[len(prefix) :]
            if name:
                found.append((name, Kind.FILE, None))
            marked = marked or not name
        if len(found) >= _MANY:
            many = many or ManyNames()
            many.take(found)
            found.clear()
    if many is not None:
        many.take(found)
        return many
    if not found and folder and not marked:
        raise NotFoundError(f"{show(folder)}: no such folder", cause="ENOENT")
    found.sort(key=itemgetter(0))
    return found
