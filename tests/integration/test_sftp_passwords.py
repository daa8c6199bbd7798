"""A password over SFTP: it lets in, and no word or log has it. The server is asyncssh's, which takes passwords."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from checks.ports import UnavailableError
from preserve.stores.sftp.store import SftpStore
from tests.support.sftp_server import IDENTITY

PASSWORD = "p4ss-0x5ec2e7"


class _TakesPassword(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """Its port; `folder` gets the known_hosts."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(
        asyncssh.create_server(_TakesPassword, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=asyncssh.SFTPServer)
    )
    port = listener.get_port()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        listener.close()
        asyncio.run_coroutine_threadsafe(listener.wait_closed(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_password_lets_in_and_is_never_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    replica = tmp_path / "replica"
    (replica / ".preserve").mkdir(parents=True)
    (replica / ".preserve" / "identity.json").write_text(f'{{"replica": "{IDENTITY}", "name": "x"}}')
    with server(tmp_path) as port:
        said = []
        for given in (PASSWORD, PASSWORD + "-wrong", None):
            store = SftpStore(
                "127.0.0.1",
                port,
                "archivist",
                bytes(replica),
                known_hosts=tmp_path / "known_hosts",
                secret=lambda given=given: given,  # type: ignore[misc]
            )
            if given == PASSWORD:
                assert store.identity() == IDENTITY
            else:
                with pytest.raises(UnavailableError, match="does not let archivist in") as refused:
                    store.identity()
                said += [str(refused.value), refused.value.cause]
            said += [repr(store), store.where]
            store.close()
    assert not any(PASSWORD in each for each in [*said, caplog.text])
