"""Connecting to an SFTP server: whose key is known beforehand, as a user whose key or password it takes.

A host is never trusted at first sight: who can stand between us and a partner on the first day can say of every copy
that it is there. ~/.ssh/config is not read: what a replica is must be in the settings.
"""

import asyncio
import errno
import logging
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from checks.names import show
from checks.ports import StoreError, UnavailableError
from preserve.stores.sftp import wire
from preserve.stores.sftp.session import Session

CONNECT_SECONDS = 15.0
_KEEPALIVE_SECONDS, _KEEPALIVES = 15, 4
# AES-GCM needs no second pass for a checksum and every processor of today has instructions for it.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
    "aes192-ctr",
    "chacha20-poly1305@openssh.com",
)
# All are offered even where one of another kind is known, so that a server that has another key now shows it.
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_MOST_FILE_BYTES = 16 << 20  # of a key or of known hosts
_WINDOW_BYTES = 16 << 20  # of the channel: 160 MB/s with a tenth of a second on the way
_PACKET_BYTES = 128 << 10  # fewer, longer packets, where the server makes them

# At its chattiest it writes whole packets into the log, and those of a login hold the password.
logging.getLogger("asyncssh").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Whom to connect to, and as whom. `secret` gives the password, or the passphrase of `key`."""

    host: str
    port: int
    user: str | None
    known_hosts: Path
    key: Path | None
    secret: Callable[[], str | None]

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return show((host if self.port == 22 else f"{host}:{self.port}").encode())


async def connected(server: Server) -> tuple[asyncssh.SSHClientConnection, Session]:
    """A session that is ready. UnavailableError says in a few words why there is none."""
    host_key = _HostKey(server)
    connection: asyncssh.SSHClientConnection | None = None
    try:
        options = await _options(server, host_key)
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            connection = await asyncssh.connect(server.host, server.port, options=options)
            session = await _session(connection)
    except BaseException as error:
        if connection is not None:
            connection.abort()
        if isinstance(error, Exception):
            raise _unavailable(server, host_key, error) from error
        raise
    return connection, session


async def _options(server: Server, host_key: "_HostKey") -> asyncssh.SSHClientConnectionOptions:
    # Reading a key with a passphrase takes a while by design, and a keyring may ask somebody: not in the loop.
    secret = await asyncio.to_thread(server.secret)
    given: dict[str, Any] = {} if server.user is None else {"username": server.user}
    if server.key is not None:
        given |= {"client_keys": [await asyncio.to_thread(_key, server.key, secret)], "agent_path": None}
    known = host_key.known()
    if host_key.kinds:
        given["server_host_key_algs"] = host_key.kinds
    return await asyncio.to_thread(
        asyncssh.SSHClientConnectionOptions,
        config=None,
        client_factory=lambda: host_key,
        known_hosts=lambda host, addr, port: known.match(host, "", port),  # by name alone: who answers for it may lie
        password=secret if server.key is None else None,
        encryption_algs=list(_CIPHERS),
        compression_algs=["none"],
        connect_timeout=CONNECT_SECONDS,
        login_timeout=CONNECT_SECONDS,
        keepalive_interval=_KEEPALIVE_SECONDS,
        keepalive_count_max=_KEEPALIVES,
        ignore_encrypted=True,
        **given,
    )


def _key(path: Path, passphrase: str | None) -> asyncssh.SSHKey:
    try:
        _refuse_endless(path)
        _refuse_readable(path)
        return asyncssh.read_private_key(path, passphrase)
    except OSError as error:
        raise _NoKeyError(f"the key {path} cannot be read: {error.strerror}") from error
    except asyncssh.KeyEncryptionError as error:
        if "bcrypt" in str(error):
            raise _NoKeyError(f"the key {path} has a passphrase: `pip install bcrypt` to open it") from error
        why = "has a passphrase, and none is given (`secret`)" if passphrase is None else "has another passphrase"
        raise _NoKeyError(f"the key {path} {why}") from error
    except (asyncssh.KeyImportError, ValueError) as error:
        why = "has a passphrase, and none is given (`secret`)" if "encrypted" in str(error) else "is no private key"
        raise _NoKeyError(f"the key {path} {why}") from error


def _refuse_endless(path: Path) -> None:
    """OSError for what would be waited for, or read, without end: a pipe, a device, a huge file."""
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or path == Path(os.devnull)):
        raise OSError(errno.EINVAL, "it is no file")
    if found.st_size > _MOST_FILE_BYTES:
        raise OSError(errno.EFBIG, "it is too large to be the right file")


def _refuse_readable(path: Path) -> None:
    """As ssh(1) does: whoever can read a private key is its owner as far as the server knows."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077 and path != Path(os.devnull):
        raise _NoKeyError(f"the key {path} may be read or written by others (mode {mode:03o}): chmod 600")


class _NoKeyError(Exception):
    pass


class _HostKey(asyncssh.SSHClient):
    """Remembers the key of a host that is not known, to tell people of it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.shown: asyncssh.SSHKey | None = None
        self.others_known = False
        self.kinds: list[str] = []  # of keys, to ask the server for; none: as asyncssh does

    def known(self) -> asyncssh.SSHKnownHosts:
        """What the file says; an empty list, never None, which to asyncssh means that any host will do."""
        server = self._server
        try:
            _refuse_endless(server.known_hosts)
            known = asyncssh.read_known_hosts(str(server.known_hosts))
        except FileNotFoundError:
            return asyncssh.import_known_hosts("")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise _NoKeyError(f"{server.known_hosts} cannot be read: {why}") from error
        # The address is not looked at: names are what is asked for, and a number is a name here too.
        found = known.match(server.host, "", server.port)
        self.others_known = any(found)
        keys, authorities = found[0], found[1]
        if keys and not authorities:
            kinds = [kind.decode() for key in keys for kind in key.sig_algorithms]
            self.kinds = list(dict.fromkeys([*kinds, *_HOST_KEYS]))
        return known

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.shown = key
        return False


async def _session(connection: asyncssh.SSHClientConnection) -> Session:
    _, session = await connection.create_session(
        Session, subsystem="sftp", encoding=None, window=_WINDOW_BYTES, max_pktsize=_PACKET_BYTES
    )
    assert isinstance(session, Session)
    session.greet()
    session.extensions = await session.version
    if wire.LIMITS in session.extensions:
        kind, body = await session.ask(wire.EXTENDED, wire.extended(wire.LIMITS, b""))
        if kind == wire.EXTENDED_REPLY:
            _, read_bytes, write_bytes, _ = wire.numbers_of(body, 4)
            session.read_bytes = min(max(read_bytes, wire.SAFE_BYTES), 256 << 10)
            session.write_bytes = min(max(write_bytes, wire.SAFE_BYTES), 256 << 10)
    return session


def _unavailable(server: Server, host_key: _HostKey, error: Exception) -> UnavailableError:
    """In a few words, none of which is a secret or the server's own."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable) and host_key.shown is not None:
        return _unknown_host(server, host_key.shown, host_key.others_known)
    cause = _cause(server, error)
    return UnavailableError(f"{server.name}: {cause}", cause=cause)


def _unknown_host(server: Server, key: asyncssh.SSHKey, others_known: bool) -> UnavailableError:
    shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
    scan = f"`ssh-keyscan -p {server.port} {server.host} >> {server.known_hosts}`"
    check = "Ask those who run it, by another way, for their key's fingerprint"
    if others_known:
        cause = "its host key is another than the one that is known"
        remedy = (
            f"Somebody may stand between you and it. {check}; only if it is this one, take the old one out "
            f"(`ssh-keygen -f {server.known_hosts} -R '[{server.host}]:{server.port}'`) and add it with {scan}."
        )
    else:
        there = server.known_hosts.exists()
        cause = "its host key is not known" + ("" if there else f": there is no {server.known_hosts}")
        scan = scan if there else f"`mkdir -p {server.known_hosts.parent}` and {scan}"
        remedy = f"{check}; if it is this one, add it with {scan}."
    return UnavailableError(f"{server.name}: {cause}: {shown}. {remedy}", cause=f"{cause}: {shown}")


def _cause(server: Server, error: Exception) -> str:
    match error:
        case _NoKeyError():
            return str(error)
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "no such host"
        case OSError():
            return f"cannot be reached ({error.strerror or type(error).__name__})"
        case asyncssh.PermissionDenied():
            user = show((server.user or "you").encode())
            return f"it does not let {user} in: the key or password is not taken, or there is none"
        case asyncssh.HostKeyNotVerifiable():
            return "its host key is revoked or cannot be verified"
        case asyncssh.KeyExchangeFailed():
            return "no cipher or key exchange in common"
        case asyncssh.ChannelOpenError():
            return "it offers no SFTP"
        case StoreError():
            return str(error)
        case asyncssh.DisconnectError():
            return "it ended the connection before the login was done"
    return f"the connection failed ({type(error).__name__})"
