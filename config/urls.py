"""What a replica's `url` means: a folder, for now."""

import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

from config.errors import ValueProblem

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def root_of(url: str, folder: Path) -> bytes:
    """The folder as bytes; a relative path is joined to `folder`. ValueProblem for what is not a folder.

    A plain path is taken as it stands (`%` is a percent sign); in a `file://` URL `%XX` is a byte, so that names
    that are not UTF-8 can be written too.
    """
    if url.lower().startswith("file:"):
        return _from_file_url(url)
    scheme = _SCHEME.match(url)
    if scheme is not None:
        # Only the scheme is repeated: what follows may hold a password.
        raise ValueProblem(f"a replica at `{scheme[1]}://` is not supported yet", "give a folder or a file:// URL")
    if not url or "\0" in url:
        raise ValueProblem("the url of a replica must be a folder", 'such as "/mnt/nas" or "file:///mnt/nas"')
    if url.startswith("~"):
        raise ValueProblem("`~` is not expanded in a replica's url", "write the whole path, or ./~ for that name")
    if ":" in url.split("/", 1)[0]:
        raise ValueProblem(
            "a replica's url with a colon in its first part looks like another machine's",
            "give a folder; for a folder whose name has a colon write ./ before it",
        )
    return os.fsencode(folder / url)


def _from_file_url(url: str) -> bytes:
    match = re.fullmatch(r"file://(?P<host>[^/]*)(?P<path>/[^?#]*)", url, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise ValueProblem(
            "this file URL has no whole path in it",
            "write file:// and the whole path, as in file:///mnt/nas; `?` is %3F and `#` is %23",
        )
    if match["host"].lower() not in ("", "localhost"):
        raise ValueProblem("a file URL cannot name another machine", "mount it and write file:///its/folder")
    if _PERCENT.search(match["path"]):
        raise ValueProblem(
            "a `%` in a file URL without two hexadecimal digits after it", "write %25 for a percent sign"
        )
    path = unquote_to_bytes(match["path"])
    if b"\0" in path:
        raise ValueProblem("a file URL with a NUL byte in it", "no folder can be called so")
    return path


def checked_url(url: str) -> str:
    """The url, if it can be meant; else ValueProblem."""
    root_of(url, Path("/"))
    return url
