"""Places that are reached over a network, from the part of their url behind the scheme and the keys beside it."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from config.addresses import SFTP_PORT, S3Address, SftpAddress
from config.errors import ValueProblem
from config.texts import checked_line

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]", re.ASCII)
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})", re.ASCII)
_USER = re.compile(
    r"(?![-~])[^\s/:\ufffd]{0,255}"
)  # as `%40` an @ may stand in it; nothing a program takes for an option
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENDPOINT = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^\[\]/?#@:\s]+)(?::([^/?#@]*))?/?", re.IGNORECASE)
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_STORAGE_CLASS = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_UNREADABLE = ("GLACIER", "DEEP_ARCHIVE")
_MOST_PREFIX_BYTES = 400  # of the 1,024 that a key may have: the names in the bags need the rest

_S3_FORM = "write s3://bucket/prefix"
_SFTP_FORM = "write sftp://user@host/path, with :port behind the host where it is not 22"
_SECRET_REMEDY = (
    'take it out, and give the place where it is kept: secret = "env:NAME", "file:PATH" or "keyring:SERVICE/USER"'
)


def bucket_at(rest: str, keys: Mapping[str, Any]) -> S3Address:
    """Of `bucket/prefix`; ValueProblem for what cannot be meant."""
    bucket, path = _split(rest, "s3", _S3_FORM)
    if "@" in bucket:
        raise _url_problem(
            "a url is shown to people, and this one has an @, as if a password were in it", _SECRET_REMEDY
        )
    if _BUCKET.fullmatch(bucket) is None or _IPV4.fullmatch(bucket):
        raise _url_problem(
            "no bucket can be called so",
            "the name of a bucket has 3 to 63 small letters (a to z), digits, - and single dots, "
            f"begins and ends with a letter or digit, and is no IP address: {_S3_FORM}",
        )
    prefix = _segments(path, "the prefix", "s3")
    if len(prefix) > _MOST_PREFIX_BYTES:
        raise _url_problem(
            f"a prefix of {len(prefix)} bytes leaves too little of a key for the names in the bags",
            f"write one of at most {_MOST_PREFIX_BYTES} bytes",
        )
    try:
        prefix.decode("utf-8")
    except UnicodeDecodeError:
        raise _url_problem("a key of S3 is UTF-8, and this prefix is not", "choose another prefix") from None
    endpoint = keys.get("endpoint")
    path_style = keys.get("path_style")
    return S3Address(
        bucket=bucket,
        prefix=prefix,
        endpoint=None if endpoint is None else _endpoint(endpoint),
        region=_matched("region", keys, _REGION, 'such as "eu-central-1"'),
        profile=_profile(keys.get("profile")),
        path_style=endpoint is not None if path_style is None else path_style,
        storage_class=_storage_class(keys),
    )


def server_at(rest: str, keys: Mapping[str, Any], path_of: Callable[[str, str], Path]) -> SftpAddress:
    """Of `user@host:port/path`; ValueProblem for what cannot be meant."""
    authority, path = _split(rest, "sftp", _SFTP_FORM)
    written, at, place = authority.rpartition("@")
    if ":" in written or "@" in written:
        raise _url_problem("a url is shown to people, and this one has a password in it", _SECRET_REMEDY)
    user = _unquoted(written, "sftp").decode("utf-8", "replace")
    if (at and not user) or _USER.fullmatch(user) is None or not user.isprintable():
        raise _url_problem("nobody can be called so on an SFTP server", _SFTP_FORM)
    host, port = _host_and_port(place)
    folder = _segments(path, "the path", "sftp")
    if not folder:
        raise _url_problem(
            "this sftp URL has no path in it",
            "write the whole path of a folder on the server that is kept for copies: sftp://user@host/srv/copies",
        )
    if folder == b"~" or folder.startswith(b"~/"):
        raise _url_problem("`~` is not expanded in a replica's url", "write the whole path on the server")
    known_hosts, key = keys.get("known_hosts"), keys.get("key")
    return SftpAddress(
        host=host,
        port=port,
        user=user or None,
        path=b"/" + folder,
        known_hosts=None if known_hosts is None else path_of("known_hosts", known_hosts),
        key=None if key is None else path_of("key", key),
    )


def _split(rest: str, scheme: str, form: str) -> tuple[str, str]:
    authority, _, path = rest.partition("/")
    if "?" in rest or "#" in rest:
        raise _url_problem(
            f"`?` and `#` mean nothing in an {scheme}:// URL, and what follows them may be a secret",
            f"{form}; settings have lines of their own, and in a name `?` is %3F and `#` is %23",
        )
    return authority, path


def _unquoted(text: str, scheme: str) -> bytes:
    if _PERCENT.search(text):
        raise _url_problem(
            f"a `%` in an {scheme}:// URL without two hexadecimal digits after it", "write %25 for a percent sign"
        )
    try:
        return unquote_to_bytes(text)
    except UnicodeEncodeError:
        raise _url_problem("this url is not UTF-8", "write such bytes as %XX") from None


def _segments(path: str, what: str, scheme: str) -> bytes:
    """The path without the slash at its end."""
    whole = _unquoted(path, scheme).removesuffix(b"/")
    parts = whole.split(b"/") if whole else []
    if any(part in (b"", b".", b"..") for part in parts):
        raise _url_problem(
            f"{what} has `//`, `.` or `..` in it, which other programs may take for another place",
            "write it without them",
        )
    if any(byte < 0x20 or byte == 0x7F for byte in whole):
        raise _url_problem(f"{what} has control characters in it", "choose another name")
    return whole


def _host_and_port(place: str) -> tuple[str, int]:
    """An address of IPv6 stands in brackets."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(.*))?", place)
    if bracketed is not None:
        host, port = bracketed[1], bracketed[2]
        try:
            host = str(ipaddress.IPv6Address(host))
        except ValueError:
            raise _url_problem("there is no such address of IPv6", _SFTP_FORM) from None
    else:
        host, colon, after = place.partition(":")
        port = after if colon else None
        if _HOST.fullmatch(host) is None:
            raise _url_problem("this sftp URL names no server", _SFTP_FORM)
    if port is None:
        return host.lower(), SFTP_PORT
    if _PORT.fullmatch(port) is None or not 0 < int(port) < 65_536:
        raise _url_problem("what stands behind the server's colon is no port", _SFTP_FORM)
    return host.lower(), int(port)


def _endpoint(text: str) -> str:
    match = _ENDPOINT.fullmatch(text)
    port = None if match is None else match[3]
    if match is None or (port is not None and (_PORT.fullmatch(port) is None or not 0 < int(port) < 65_536)):
        raise ValueProblem(
            "this endpoint is not the address of a server alone",
            "write its scheme, its name and nothing else, such as https://s3.example.org; "
            "the bucket stands in the url, and a key in what `secret` names",
            key="endpoint",
        )
    scheme, host = match[1].lower(), match[2].lower()
    if scheme == "http" and not _loopback(host.strip("[]")):
        raise ValueProblem(
            "at an endpoint without https anybody in between can read and change what is sent",
            "write https://; or let SSH carry it (ssh -L 9000:127.0.0.1:9000 HOST) and write http://127.0.0.1:9000",
            key="endpoint",
        )
    return f"{scheme}://{host}" + ("" if port is None else f":{int(port)}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _storage_class(keys: Mapping[str, Any]) -> str | None:
    found = _matched("storage_class", keys, _STORAGE_CLASS, 'such as "STANDARD_IA" or "GLACIER_IR"')
    if found in _UNREADABLE:
        raise ValueProblem(
            f"what is written as {found} cannot be read back, and no copy counts that was not read back",
            'write "GLACIER_IR", or leave the line out and let a lifecycle rule of the bucket move it later; '
            "see docs/replicas.md",
            key="storage_class",
        )
    return found


def _profile(name: str | None) -> str | None:
    try:
        return None if name is None else checked_line(name)
    except ValueProblem as problem:
        raise ValueProblem(problem.message, problem.remedy, key="profile") from None


def _matched(key: str, keys: Mapping[str, Any], pattern: re.Pattern[str], such_as: str) -> str | None:
    text: str | None = keys.get(key)
    if text is not None and pattern.fullmatch(text) is None:
        raise ValueProblem(f"no {key} can be called so", such_as, key=key)
    return text


def _url_problem(message: str, remedy: str) -> ValueProblem:
    return ValueProblem(message, remedy, key="url")
