"""Who is believed and who is let in: host keys known beforehand, keys, an agent; and no secret in any word."""

import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.ports import StoreError, UnavailableError
from preserve.stores.sftp.store import SftpStore
from tests.support.sftp_server import IDENTITY, SftpServer, make_key, sftp_server

PASSPHRASE = "ព្រះវិហារ-0x5ec2e7"


@pytest.fixture
def server() -> Iterator[SftpServer]:
    with sftp_server() as running:
        yield running


@pytest.fixture
def opened(server: SftpServer) -> Iterator[Callable[..., SftpStore]]:
    stores: list[SftpStore] = []

    def opened(**given: object) -> SftpStore:
        stores.append(server.store(**given))  # type: ignore[arg-type]
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def refusal(store: SftpStore) -> UnavailableError:
    with pytest.raises(UnavailableError) as refused:
        store.identity()
    return refused.value


def test_a_known_host_is_believed(opened: Callable[..., SftpStore]) -> None:
    assert opened().identity() == IDENTITY


@pytest.mark.parametrize("there", [True, False])
def test_an_unknown_host_is_refused_with_its_fingerprint_and_the_command_that_adds_it(
    server: SftpServer, opened: Callable[..., SftpStore], tmp_path: Path, there: bool
) -> None:
    known = tmp_path / "known_hosts"
    if there:
        known.write_text("# nobody\n")
    error = refusal(opened(known_hosts=known))
    assert server.fingerprint in str(error) and server.fingerprint in error.cause
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {known}" in str(error)
    assert "not known" in error.cause
    assert not there or known.read_text() == "# nobody\n"  # nothing is trusted at first sight


def test_a_changed_host_key_is_refused_as_changed(server: SftpServer, opened: Callable[..., SftpStore]) -> None:
    store = opened()
    assert store.identity() == IDENTITY
    server.stop()
    server.new_host_key(known=False)
    server.start()
    error = refusal_after_the_cut(store)
    assert "another than the one that is known" in error.cause and server.fingerprint in error.cause
    assert "ssh-keygen" in str(error)


def refusal_after_the_cut(store: SftpStore) -> UnavailableError:
    """The cut itself may be told first, once."""
    try:
        store.identity()
    except UnavailableError as error:
        return error
    except StoreError:
        return refusal(store)
    raise AssertionError("it was let in")


def test_a_host_whose_known_key_is_of_another_kind_is_refused(
    server: SftpServer, opened: Callable[..., SftpStore], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(other)], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {other.with_suffix('.pub').read_text()}")
    assert "another than the one that is known" in refusal(opened(known_hosts=known)).cause


def test_a_key_with_a_passphrase_opens_with_it_and_never_tells_it(
    server: SftpServer, opened: Callable[..., SftpStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = tmp_path / "key"
    make_key(key, PASSPHRASE)
    server.let_in(key)
    store = opened(key=key, secret=lambda: PASSPHRASE)
    assert store.identity() == IDENTITY
    missing, wrong = refusal(opened(key=key)), refusal(opened(key=key, secret=lambda: PASSPHRASE + "!"))
    assert "has a passphrase, and none is given" in missing.cause
    assert "another passphrase" in wrong.cause
    said = [*map(str, (missing, wrong)), missing.cause, wrong.cause, repr(store), store.where, caplog.text]
    assert not any(PASSPHRASE in each for each in said)


def test_the_agents_keys_are_tried_where_no_key_is_named(
    server: SftpServer, opened: Callable[..., SftpStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no keys of whoever runs this
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert "does not let" in refusal(opened(key=None)).cause
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None and agent.stdout.readline()  # it listens
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", str(server.key)], check=True, env=dict(os.environ))
        assert opened(key=None).identity() == IDENTITY
    finally:
        agent.terminate()
        agent.communicate()


def test_a_key_that_was_taken_away_is_refused_at_the_next_connection(
    server: SftpServer, opened: Callable[..., SftpStore]
) -> None:
    store = opened()
    assert store.identity() == IDENTITY
    server.let_in()
    store.close()
    assert "does not let" in refusal(store).cause


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"-----BEGIN OPENSSH PRIVATE KEY-----\nxx\n"])
def test_a_key_file_that_is_none_is_named(
    opened: Callable[..., SftpStore], tmp_path: Path, content: bytes | None
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    assert str(key) in refusal(opened(key=key)).cause


def test_a_key_that_others_may_read_is_refused(server: SftpServer, opened: Callable[..., SftpStore]) -> None:
    assert opened().identity() == IDENTITY
    server.key.chmod(0o640)
    assert f"{server.key} may be read or written by others (mode 640)" in refusal(opened()).cause
    server.key.chmod(0o600)


def test_a_server_that_is_not_there_is_unavailable(server: SftpServer, opened: Callable[..., SftpStore]) -> None:
    store = opened()
    server.stop()
    assert refusal(store).cause == "connection refused"
    server.start()
    assert store.identity() == IDENTITY


def test_a_host_that_does_not_exist_is_unavailable(server: SftpServer) -> None:
    store = SftpStore("no-such-host.invalid", 22, "x", b"/", known_hosts=server.known_hosts, key=server.key)
    assert refusal(store).cause in ("no such host", "cannot be reached (gaierror)")
    store.close()


def test_a_replica_without_identity_or_folder_is_unavailable(
    server: SftpServer, opened: Callable[..., SftpStore]
) -> None:
    store = opened()
    (server.root / ".preserve" / "identity.json").write_bytes(b"{}")
    assert refusal(store).cause == "its identity file cannot be understood"
    (server.root / ".preserve" / "identity.json").unlink()
    assert "empty mount" in refusal(store).cause
    (server.root / ".preserve").rmdir()
    assert "empty mount" in refusal(store).cause
    server.root.rmdir()
    assert refusal(store).cause == "the folder is not there"
