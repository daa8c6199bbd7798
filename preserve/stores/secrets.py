"""Passwords and keys of replicas elsewhere: read where the settings say they are kept; never shown, never logged."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import config
from checks.ports import UnavailableError
from config import SecretSource

KEYRING_SECONDS = 120.0  # it may ask somebody for its own password
KEYRING_HINT = "pip install 'preserve-toolkit[keyring]'"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Secret:
    """A secret that no message or log shows by accident."""

    _text: str

    def __repr__(self) -> str:
        return "Secret(hidden)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret goes into no file")

    def password(self) -> str:
        """The text itself: a password, or the passphrase of a key."""
        return self._text

    def pair(self) -> tuple[str, str]:
        """The id and the key of an account: two lines, or `ID:KEY`. ValueError without the text if it is neither."""
        lines = [line.strip() for line in self._text.splitlines() if line.strip()]
        parts = lines if len(lines) == 2 else lines[0].split(":", 1) if len(lines) == 1 else []
        if len(parts) != 2 or not all(part.isascii() and part.isprintable() and part.strip() for part in parts):
            raise ValueError("not the id and the key of an account")
        return parts[0].strip(), parts[1].strip()


def read_secret(source: SecretSource) -> Secret:
    """Reads it now.

    Raises:
        UnavailableError: it is not there, is empty, or others may read it. What it says holds nothing of the secret.
    """
    text = {"env": _of_environment, "file": _of_file, "keyring": _of_keyring}[source.kind](source)
    if not text.strip():
        raise _unavailable(source, "it is empty")
    return Secret(text)


def read_pair(source: SecretSource) -> tuple[str, str]:
    """The id and the key of an account, read now; UnavailableError as `read_secret`."""
    secret = read_secret(source)
    try:
        return secret.pair()
    except ValueError:
        why = "it must be two lines, the id of the key and the key, or one line ID:KEY"
        raise _unavailable(source, why) from None


def read_password(source: SecretSource) -> str:
    """A password or passphrase, of one line, read now; UnavailableError as `read_secret`."""
    text = read_secret(source).password()
    if len(text.splitlines()) != 1:
        raise _unavailable(source, "a password has one line, and this has more")
    return text


def _of_environment(source: SecretSource) -> str:
    text = os.environ.get(source.name)
    if text is None:
        raise _unavailable(source, "the variable is not set")
    return text


def _of_file(source: SecretSource) -> str:
    try:
        return config.secret_text(Path(source.name))
    except config.SettingsError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        raise _unavailable(source, f"{error.message}{remedy}") from None


def _of_keyring(source: SecretSource) -> str:
    try:
        import keyring
    except ModuleNotFoundError:
        raise _unavailable(source, f"the keyring's package is not there: {KEYRING_HINT}") from None
    try:
        text = _in_time(lambda: keyring.get_password(source.name, source.user))
    except Exception as error:  # noqa: BLE001 - its backends raise what they like; the kind tells enough
        raise _unavailable(source, f"the keyring does not answer ({type(error).__name__})") from None
    if text is None:
        raise _unavailable(source, "the keyring has none; `keyring set` puts it there")
    return text


def _in_time(read: Callable[[], str | None]) -> str | None:
    """What it comes to; TimeoutError where a keyring waits for somebody who is not there."""
    answer: Future[str | None] = Future()

    def reading() -> None:
        try:
            answer.set_result(read())
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            answer.set_exception(error)

    threading.Thread(target=reading, name="keyring", daemon=True).start()
    return answer.result(KEYRING_SECONDS)


def _unavailable(source: SecretSource, why: str) -> UnavailableError:
    cause = f"its secret ({source}): {why}"
    return UnavailableError(cause, cause=cause)
