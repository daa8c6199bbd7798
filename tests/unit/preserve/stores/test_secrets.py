"""Secrets are read where the settings say, and nothing ever shows them."""

import copy
import pickle
import sys
import threading
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.ports import UnavailableError
from config import SecretSource
from preserve.stores import secrets
from preserve.stores.secrets import Secret, read_pair, read_password, read_secret

TEXTS = st.text(st.characters(exclude_categories=["Cs"])).map("Zq9".__add__)


def kept_in(path: Path, content: bytes, mode: int = 0o600) -> SecretSource:
    path.write_bytes(content)
    path.chmod(mode)
    return SecretSource("file", str(path))


@given(TEXTS)
def test_a_secret_is_in_no_message(text: str) -> None:
    secret = Secret(text)
    assert "Zq9" not in f"{secret} {secret!r} {[secret]} {secret:}"
    assert secret.password() == text
    for save in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="into no file"):
            save(secret)


@given(TEXTS)
def test_what_is_no_pair_is_refused_without_its_text(text: str) -> None:
    try:
        made = Secret(text).pair()
    except ValueError as error:
        assert "Zq9" not in f"{error} {error!r}"
    else:
        assert all(made) and made[0].startswith("Zq9")


class TestFiles:
    @pytest.mark.parametrize("content", [b"ID\nKEY/+=\n", b"ID\r\nKEY/+=\r\n", b"ID:KEY/+=", b"\xef\xbb\xbfID\nKEY/+="])
    def test_an_account_is_two_lines_or_one(self, tmp_path: Path, content: bytes) -> None:
        assert read_pair(kept_in(tmp_path / "s", content)) == ("ID", "KEY/+=")

    def test_a_password_is_taken_as_it_stands(self, tmp_path: Path) -> None:
        assert read_password(kept_in(tmp_path / "s", "# p wörd \n".encode())) == "# p wörd "

    @pytest.mark.parametrize(
        ("content", "mode", "says"),
        [
            (b"Zq9\nb\nc\n", 0o600, "two lines"),
            (b"Zq9\n", 0o600, "two lines"),
            (b"Zq9:\n", 0o600, "two lines"),
            (b"", 0o600, "empty"),
            (b" \n", 0o600, "empty"),
            (b"Zq9\nKEY", 0o640, "chmod 600"),
            (b"Zq9\nKEY", 0o604, "chmod 600"),
            (b"Zq9\n\xff", 0o600, "not UTF-8"),
        ],
    )
    def test_what_is_wrong_is_told_without_the_secret(
        self, tmp_path: Path, content: bytes, mode: int, says: str
    ) -> None:
        with pytest.raises(UnavailableError) as caught:
            read_pair(kept_in(tmp_path / "s", content, mode))
        assert says in caught.value.cause and "Zq9" not in f"{caught.value!r} {caught.value.cause}"

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match=r"gone.*No such file"):
            read_secret(SecretSource("file", str(tmp_path / "gone")))

    def test_a_password_of_two_lines_is_a_mistake(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match="one line"):
            read_password(kept_in(tmp_path / "s", b"a\nb\n"))


class TestVariables:
    def test_one_is_read_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ARCHIVE_KEY", "ID:KEY:WITH:COLONS")
        assert read_pair(SecretSource("env", "ARCHIVE_KEY")) == ("ID", "KEY:WITH:COLONS")

    def test_one_that_is_not_set_is_named(self) -> None:
        with pytest.raises(UnavailableError, match=r"env:ARCHIVE_NO_SUCH.*not set"):
            read_secret(SecretSource("env", "ARCHIVE_NO_SUCH"))


class TestKeyrings:
    @pytest.fixture
    def ring(self, monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
        held = {("preserve", "cloud"): "hidden"}
        made = types.SimpleNamespace(get_password=lambda service, user: held.get((service, user)))
        monkeypatch.setitem(sys.modules, "keyring", made)
        return made

    def test_one_is_asked_by_service_and_user(self, ring: types.SimpleNamespace) -> None:
        assert read_password(SecretSource("keyring", "preserve", "cloud")) == "hidden"

    def test_one_that_has_none_says_how_to_put_it_there(self, ring: types.SimpleNamespace) -> None:
        with pytest.raises(UnavailableError, match="keyring set"):
            read_secret(SecretSource("keyring", "preserve", "partner"))

    def test_one_that_fails_is_told_by_its_kind_alone(self, ring: types.SimpleNamespace) -> None:
        def locked(service: str, user: str) -> str:
            raise RuntimeError("Zq9 is what it holds")

        ring.get_password = locked
        with pytest.raises(UnavailableError, match="does not answer \\(RuntimeError\\)") as caught:
            read_secret(SecretSource("keyring", "preserve", "cloud"))
        assert "Zq9" not in str(caught.value)

    def test_one_that_waits_for_somebody_who_is_not_there_is_given_up(
        self, ring: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended = threading.Event()
        ring.get_password = lambda service, user: ended.wait()
        monkeypatch.setattr(secrets, "KEYRING_SECONDS", 0.05)
        with pytest.raises(UnavailableError, match="does not answer \\(TimeoutError\\)"):
            read_secret(SecretSource("keyring", "preserve", "cloud"))
        ended.set()

    def test_without_the_package_the_command_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "keyring", None)
        with pytest.raises(UnavailableError, match="preserve-toolkit\\[keyring\\]"):
            read_secret(SecretSource("keyring", "preserve", "cloud"))
