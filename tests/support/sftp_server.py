"""A real OpenSSH server on a free port of this machine, with keys of its own that are thrown away with it."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from preserve.stores.sftp.store import SftpStore

IDENTITY = "0b6f39f4-9d0c-4a3f-9c58-3fd0c1a2b3c4"
NOBODY = "nobody"  # who may not do everything, where tests run as root


def sshd() -> str:
    """The server's program. Where there is none, tests say so, and fail where they must not be passed over."""
    found = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        why = "sshd is not here: SFTP is not tried (Debian: openssh-server)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def sftp_server() -> Iterator["SftpServer"]:
    """A server that runs, over an empty replica with an identity."""
    program = sshd()
    with tempfile.TemporaryDirectory(prefix="preserve-sshd-") as folder:
        Path(folder).chmod(0o755)  # another user's key is looked for in it
        server = SftpServer(Path(folder), program)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class SftpServer:
    """`root` is the replica's folder; `key` is let in; `known_hosts` knows the server."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder, self._program = folder, program
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log"
        self.user = getpass.getuser()
        self.root = folder / "replica"
        self.root.mkdir()
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self.port = _free_port()
        make_key(self.key)
        self.let_in(self.key)
        self.new_host_key()
        self.give_identity()

    def give_identity(self) -> None:
        (self.root / ".preserve").mkdir(exist_ok=True)
        (self.root / ".preserve" / "identity.json").write_text(f'{{"replica": "{IDENTITY}", "name": "abroad"}}')

    def new_host_key(self, *, known: bool = True) -> None:
        """Another key of the server's, from its next start on; `known` to those who use `known_hosts`."""
        host_key = self._folder / "host_key"
        host_key.unlink(missing_ok=True)
        make_key(host_key)
        if known:
            self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key.with_suffix('.pub').read_text()}")

    @property
    def fingerprint(self) -> str:
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(self._folder / "host_key.pub")], capture_output=True, text=True, check=True
        )
        return shown.stdout.split()[1]

    def let_in(self, *keys: Path) -> None:
        """These keys and no others."""
        (self._folder / "authorized_keys").write_text("".join(map(_public, keys)))

    def start(self, *arguments: str) -> None:
        """`arguments` are of its internal-sftp, such as `-R` for a server that nothing can be written to."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        settings = self._folder / "sshd_config"
        settings.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self._folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self._folder}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            f"PasswordAuthentication no\nMaxStartups 100:30:200\nSubsystem sftp internal-sftp {' '.join(arguments)}\n"
        )
        with self._log.open("ab") as log:
            begun = log.tell()
            self._process = subprocess.Popen([self._program, "-D", "-e", "-f", str(settings)], stderr=log)
        while b"Server listening" not in self._log.read_bytes()[begun:]:
            if self._process.poll() is not None:
                raise AssertionError(f"sshd ended: {self._log.read_text()}")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.01)

    def stop(self) -> None:
        """Ends the server and all its sessions, as if it had lost its power."""
        if self._process is None:
            return
        for each in [*_below(self._process.pid), self._process.pid]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stalled(self) -> "_Stalled":
        """In it, the sessions that there are hang."""
        assert self._process is not None
        return _Stalled(_below(self._process.pid))

    def store(
        self, *, port: int | None = None, user: str | None = None, path: bytes | None = None, **given: Any
    ) -> SftpStore:
        """Its replica; for the caller to close."""
        keys = {"key": self.key, "known_hosts": self.known_hosts} | given
        root = os.fsencode(self.root) if path is None else path
        return SftpStore("127.0.0.1", port or self.port, user or self.user, root, **keys)


class _Stalled:
    def __init__(self, processes: list[int]) -> None:
        self._processes = processes

    def __enter__(self) -> None:
        for each in self._processes:
            os.kill(each, signal.SIGSTOP)

    def __exit__(self, *error: object) -> None:
        for each in self._processes:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def make_key(path: Path, passphrase: str = "") -> None:
    """A key, and `<path>.pub`."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text()


def _below(process: int) -> list[int]:
    """The processes that a process began, and those that they did."""
    try:
        children = [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []
    return [below for child in children for below in (*_below(child), child)]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
