"""Where a secret is kept: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER`.

What cannot be meant is not repeated: somebody may have written the secret itself there.
"""

import re
from pathlib import Path

from config.addresses import SecretSource
from config.errors import ValueProblem
from config.urls import path_of

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_REMEDY = 'write "env:NAME" for an environment variable, "file:PATH" for a file of mode 600, or "keyring:SERVICE/USER"'


def parse_source(text: str, folder: Path) -> SecretSource:
    """The place, relative paths joined to `folder`; ValueProblem for what is none."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("env", "file", "keyring") or not rest.isprintable() or not rest.strip():
        raise _problem("secret says where a secret is kept, never the secret itself; this says no place")
    if kind == "file":
        return SecretSource("file", str(path_of("secret", rest, folder)))
    if kind == "env":
        if _VARIABLE.fullmatch(rest) is None:
            raise _problem("no environment variable can be called as secret says")
        return SecretSource("env", rest)
    service, slash, user = rest.rpartition("/")
    if not slash or not service.strip() or not user.strip():
        raise _problem("secret names no user of the keyring")
    return SecretSource("keyring", service, user)


def _problem(message: str) -> ValueProblem:
    return ValueProblem(message, _REMEDY, key="secret")
