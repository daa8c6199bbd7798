"""Where a replica is: a folder, a bucket or part of one, a folder on an SFTP server."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class FolderAddress:
    root: bytes  # joined to the folder of the settings file

    @property
    def where(self) -> str:
        """The place, for people."""
        return os.fsdecode(self.root)


@dataclass(frozen=True, slots=True)
class S3Address:
    bucket: str
    prefix: bytes  # UTF-8, without a slash at either end; empty for a whole bucket
    endpoint: str | None = None  # scheme, host and port; None: the SDK's
    region: str | None = None
    profile: str | None = None
    path_style: bool = False
    storage_class: str | None = None  # of what is written

    @property
    def where(self) -> str:
        """The place, for people; no key or password can be in it."""
        place = "/".join(filter(None, (self.bucket, self.prefix.decode("utf-8"))))
        at = "" if self.endpoint is None else f" at {urlsplit(self.endpoint).netloc}"
        return f"s3://{place}{at}"


@dataclass(frozen=True, slots=True)
class SftpAddress:
    host: str  # in small letters; an IPv6 address without brackets
    port: int
    user: str | None  # None: the one who runs preserve
    path: bytes  # whole, without a slash at its end
    known_hosts: Path | None = None  # None: ~/.ssh/known_hosts
    key: Path | None = None  # None: the agent's keys and the usual files

    @property
    def where(self) -> str:
        """The place, for people; no password can be in it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port == SFTP_PORT else f":{self.port}"
        return f"sftp://{user}{host}{port}{os.fsdecode(self.path)}"


Address = FolderAddress | S3Address | SftpAddress
SFTP_PORT = 22
_USUAL_PORTS = {"http": 80, "https": 443}
_THIS_MACHINE = frozenset({"localhost", "::1", "0:0:0:0:0:0:0:1", "localhost.localdomain", "ip6-localhost"})


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is kept; never the secret itself."""

    kind: Literal["env", "file", "keyring"]
    name: str  # of the variable, the whole path of the file, the keyring's service
    user: str = ""  # of the keyring

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}/{self.user}" if self.kind == "keyring" else f"{self.kind}:{self.name}"


def overlap(one: Address, other: Address) -> bool:
    """Whether two replicas there would count a file twice: one place, or a place within a place.

    Folders are compared by their names alone: whether one lies in another shows only where both are there.
    """
    if isinstance(one, FolderAddress) and isinstance(other, FolderAddress):
        return os.path.normpath(one.root) == os.path.normpath(other.root)
    if isinstance(one, S3Address) and isinstance(other, S3Address):
        same = (_provider(one.endpoint), one.bucket) == (_provider(other.endpoint), other.bucket)
        return same and _nested(one.prefix, other.prefix)
    if isinstance(one, SftpAddress) and isinstance(other, SftpAddress):
        return (_host(one.host), one.port) == (_host(other.host), other.port) and _nested(one.path, other.path)
    return False


def _provider(endpoint: str | None) -> str:
    """Amazon has many endpoints, and a bucket's name means one bucket at all of them."""
    if endpoint is None:
        return ""
    parts = urlsplit(endpoint)
    host = _host(parts.hostname or "")
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return ""
    return f"{host}:{parts.port or _USUAL_PORTS.get(parts.scheme, 0)}"


def _host(name: str) -> str:
    """One spelling of a host: this machine has several names, and a name may end in the dot of the root."""
    name = name.lower().rstrip(".")
    return "localhost" if name in _THIS_MACHINE or name.startswith("127.") else name


def _nested(one: bytes, other: bytes) -> bool:
    short, long = sorted((one, other), key=len)
    return not short or long == short or long.startswith(short + b"/")
