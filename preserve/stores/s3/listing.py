"""Names below a prefix.

A key that ends in `/` and holds nothing is how other tools mark a folder: it is no file. One that holds something is
told as something other than a file. Parts that no folder can have (`a//b`, `../x`) are told as they are: they are
names that nobody expects, and whoever asks for them by that name gets that object.

What is no listing, not all of one, or one of something else is an error: a name that it lacks would count as missing.
"""

from collections.abc import Callable, Collection, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from checks.names import show
from checks.ports import Kind, Listed, NotFoundError, StoreError
from preserve.stores.local import Name
from preserve.stores.many_names import ManyNames
from preserve.stores.s3.errors import asking, unclear
from preserve.stores.s3.looks import size_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MANY = 100_000  # names of one folder in memory
_MOST_NAMES = 10_000_000  # in one listing: of a copy, or a folder
_MOST_EMPTY = 100  # answers with nothing in them, one after another
_NO_FOLDER = frozenset((b"/", b"./", b"../"))  # whoever went down into these would go round in a circle
_NO_KEY = "the server lists a name in it that is not UTF-8, and so no key of S3"


class Page(NamedTuple):
    """One answer: keys with their sizes in bytes, and what keys have in common up to a `/`."""

    objects: list[tuple[bytes, int]]
    folders: list[bytes]


def pages(client: "S3Client", bucket: str, prefix: bytes, what: str, **options: Any) -> Iterator[Page]:
    """The answers to a listing, one after another.

    Raises:
        StoreError: the server says that there is more and not where; it goes round in a circle; it listed what was not
            asked for; or the answer has not the form of a listing.
    """
    names, before = 0, b""
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix.decode("utf-8"), "EncodingType": "url", **options}
    empty = 0
    while True:
        with asking(what):
            answer: Any = client.list_objects_v2(**asked)
            page = _page(answer, prefix, what)
            more, following = bool(answer.get("IsTruncated")), answer.get("NextContinuationToken") or ""
        begins = page.objects[0][0] if page.objects else b""
        if begins and begins == before:  # no key is listed twice
            raise _endless(what)
        yield page
        if not more:
            return
        before, names = begins or before, names + len(page.objects) + len(page.folders)
        empty = 0 if page.objects or page.folders else empty + 1
        if not following or following == asked.get("ContinuationToken") or empty >= _MOST_EMPTY or names > _MOST_NAMES:
            raise _endless(what)
        asked["ContinuationToken"] = following


def _endless(what: str) -> StoreError:
    return StoreError(f"{what}: the server's listing does not come to its end", cause="the listing is not whole")


def first(client: "S3Client", bucket: str, prefix: bytes, what: str) -> bytes | None:
    """The first key that begins so; None if none does."""
    for page in pages(client, bucket, prefix, what, MaxKeys=1):
        if page.objects:
            return page.objects[0][0]
    return None


def _page(answer: Any, prefix: bytes, what: str) -> Page:
    if "KeyCount" not in answer and "Name" not in answer:
        raise unclear(what)
    encoded = answer.get("EncodingType") == "url"  # not every server does it, or says it
    objects: list[tuple[bytes, int]] = []
    for entry in answer.get("Contents", ()):
        size = size_of(entry["Size"])
        if size is None:
            raise unclear(what)
        objects.append((_key(entry["Key"], encoded), size))
    folders = [_key(common["Prefix"], encoded) for common in answer.get("CommonPrefixes", ())]
    for key in (*(key for key, _ in objects), *folders):
        if not key.startswith(prefix):
            text = f"{what}: the server listed what was not asked for: {show(key[:200])}"
            raise StoreError(text, cause="another listing")
    return Page(objects, folders)


def _key(text: str, encoded: bool) -> bytes:
    return unquote_to_bytes(text.replace("+", " ")) if encoded else text.encode("utf-8")


def _is_text(key: bytes) -> bool:
    try:
        key.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def below(
    answers: Iterator[Page], prefix: bytes, what: str, *, absent: Callable[[], None] | None
) -> Iterator[tuple[Listed, int]]:
    """All objects with their sizes in bytes. Without `absent` there may be none; with it, that raises NotFoundError.

    Args:
        absent: asked before; raises if something is there after all.
    """
    found = False
    for answer in answers:
        for key, size in answer.objects:
            path = key[len(prefix) :]
            found = True
            if not _is_text(path):
                yield Listed(path.rpartition(b"/")[0], Kind.DIRECTORY, _NO_KEY), 0
            elif not path.endswith(b"/") and path:
                yield Listed(path, Kind.FILE), size
            elif size and path:
                yield Listed(path, Kind.OTHER), size
    if absent is not None and not found:
        absent()
        raise NotFoundError(f"{what}: nothing there", cause="ENOENT")


def in_folder(answers: Iterator[Page], prefix: bytes, folder: bytes) -> Collection[Name]:
    """See `WritableStore.names_in`."""
    found: list[Name] = []
    many: ManyNames | None = None
    marked = False
    for answer in answers:
        for common in answer.folders:
            name = _name(common, prefix, folder)
            found.append((name, Kind.OTHER if name in _NO_FOLDER else Kind.DIRECTORY, None))
        for key, _ in answer.objects:
            name = _name(key, prefix, folder)
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


def _name(key: bytes, prefix: bytes, folder: bytes) -> bytes:
    name = key[len(prefix) :]
    if not _is_text(name):
        raise StoreError(f"{show(folder)}: {_NO_KEY}", cause="EILSEQ")
    if b"/" in name[:-1]:
        raise StoreError(f"{show(folder)}: the server listed what lies deeper", cause="another listing")
    return name
