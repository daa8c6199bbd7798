"""What a replica's `url` means, with the keys that go with its kind.

Nothing of a url but its scheme is ever repeated in an error: what follows may hold a password.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from config.addresses import Address, FolderAddress, S3Address, SftpAddress
from config.errors import ValueProblem, cut
from config.remotes import bucket_at, server_at

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SLIP = re.compile(r"(s3|sftp)(:/?(?!/)|//)", re.IGNORECASE)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KINDS: Mapping[str, frozenset[str]] = {
    "a folder": frozenset(),
    "s3": frozenset({"endpoint", "region", "profile", "path_style", "storage_class", "secret"}),
    "sftp": frozenset({"known_hosts", "key", "secret"}),
}
REMOTE_KEYS = frozenset().union(*_KINDS.values())


def address_of(url: str, keys: Mapping[str, Any], folder: Path) -> Address:
    """The place that a url and the keys beside it mean; relative paths are joined to `folder`.

    A plain path is taken as it stands (`%` is a percent sign); in a URL `%XX` is a byte, so that names that are not
    UTF-8 can be written too.

    Args:
        keys: of REMOTE_KEYS; None for what is not set. `secret` is judged by `config.sources`.

    Raises:
        ValueProblem: it cannot be meant; with the name of the key that is to blame.
    """
    if slip := _SLIP.match(url):
        meant = slip[1].lower()
        raise _url_problem(
            f"a url of {meant} begins with {meant}://", "correct it; for a folder write ./ before its name"
        )
    scheme = _SCHEME.match(url)
    kind = scheme[1].lower() if scheme is not None else "a folder"
    kind = "a folder" if kind == "file" or url.lower().startswith("file:") else kind
    if scheme is not None and kind not in _KINDS:
        raise _url_problem(
            f"`{cut(scheme[1])}://` is not a place that replicas can be at",
            "give a folder, or a URL that begins with s3://, sftp:// or file://",
        )
    for key, value in keys.items():
        if value is not None and key not in _KINDS[kind]:
            raise _foreign(key, kind)
    if kind == "a folder":
        return FolderAddress(_valued_root(url, folder))
    assert scheme is not None
    rest = url[scheme.end() :]
    made: S3Address | SftpAddress = (
        bucket_at(rest, keys) if kind == "s3" else server_at(rest, keys, lambda key, name: path_of(key, name, folder))
    )
    return made


def path_of(key: str, name: str, folder: Path) -> Path:
    """A file that the settings name, joined to their folder."""
    if not name or "\0" in name:
        raise ValueProblem(f"{key} needs a file name", f'such as {key} = "its name"', key=key)
    if name.startswith("~"):
        raise ValueProblem(f"`~` is not expanded in {key}", "write the whole path, or ./~ for that name", key=key)
    return folder / name


def _foreign(key: str, kind: str) -> ValueProblem:
    homes = [other for other, known in _KINDS.items() if key in known]
    where = " or ".join(f"{home}://" for home in homes)
    here = "a folder" if kind == "a folder" else f"{kind}://"
    return ValueProblem(
        f"{key} means nothing for a replica at {here}", f"it goes with {where}: take the line out here", key=key
    )


def _valued_root(url: str, folder: Path) -> bytes:
    if url.lower().startswith("file:"):
        return _from_file_url(url)
    if not url or "\0" in url:
        raise _url_problem("the url of a replica must be a folder", 'such as "/mnt/nas" or "file:///mnt/nas"')
    if url.startswith("~"):
        raise _url_problem("`~` is not expanded in a replica's url", "write the whole path, or ./~ for that name")
    if ":" in url.split("/", 1)[0]:
        raise _url_problem(
            "a replica's url with a colon in its first part looks like another machine's",
            "for an SFTP server write sftp://user@host/path; for a folder whose name has a colon write ./ before it",
        )
    return os.fsencode(folder / url)


def _from_file_url(url: str) -> bytes:
    match = re.fullmatch(r"file://(?P<host>[^/]*)(?P<path>/[^?#]*)", url, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise _url_problem(
            "this file URL has no whole path in it",
            "write file:// and the whole path, as in file:///mnt/nas; `?` is %3F and `#` is %23",
        )
    if match["host"].lower() not in ("", "localhost"):
        raise _url_problem("a file URL cannot name another machine", "mount it and write file:///its/folder")
    if _PERCENT.search(match["path"]):
        raise _url_problem(
            "a `%` in a file URL without two hexadecimal digits after it", "write %25 for a percent sign"
        )
    path = unquote_to_bytes(match["path"])
    if b"\0" in path:
        raise _url_problem("a file URL with a NUL byte in it", "no folder can be called so")
    return path


def _url_problem(message: str, remedy: str) -> ValueProblem:
    return ValueProblem(message, remedy, key="url")
