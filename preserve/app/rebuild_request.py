"""What `preserve catalog rebuild` is asked for: settings, which may be lost too, and the replicas that are there."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import config
from checks.ports import UnavailableError
from config import Settings, SettingsError
from preserve.app.replicas import url_of
from preserve.app.workspace import SETTINGS_NAME
from preserve.errors import UsageError
from preserve.stores.identity import Identity
from preserve.stores.opening import open_replica
from preserve.stores.port import ReplicaStore

_OF_S3 = """endpoint = "https://…"     # of the provider, if it is not Amazon
secret = "file:PATH"       # with the id of the key and the key; or env:NAME, keyring:SERVICE/USER"""
_OF_SFTP = """key = "~/.ssh/id_ed25519"  # our private key
secret = "env:NAME"        # its passphrase, or in place of `key` a password"""


def table_of(url: str) -> str:
    """What the settings have to say of a place elsewhere, to be written by whoever knows it."""
    return f'[replica.NAME]\nurl = "{url}"\n{_OF_S3 if url.startswith("s3://") else _OF_SFTP}'


TABLES = f"{table_of('s3://bucket/prefix')}\n\n{table_of('sftp://user@host/path')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for. `text` is that of the settings; `is_new`: there are none yet."""

    settings: Settings
    text: str
    is_new: bool
    places: tuple[str, ...]
    trust: str | None
    without_backups: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A replica that is there. `name` is that of the settings, else the one on the medium, each only once."""

    name: str
    identity: Identity
    store: ReplicaStore
    url: str
    configured: bool


def asked_for(
    explicit: str | None, places: tuple[str, ...], folder: Path | None, *, trust: str | None, without_backups: bool
) -> Asked:
    """Reads the settings, or begins with the example where there are none.

    Raises:
        UsageError: there are none, and no folder of a replica is named either.
        SettingsError: those that were named are not there, or cannot be read.
    """
    try:
        if folder is not None and not (folder / SETTINGS_NAME).is_file():
            raise SettingsError(f"no {SETTINGS_NAME} in {folder}")
        path = folder / SETTINGS_NAME if folder is not None else config.find(Path.cwd(), explicit, os.environ)
        text, is_new = path.read_text(encoding="utf-8"), False
    except SettingsError:
        if not places and explicit is None:
            raise UsageError(
                f"no {SETTINGS_NAME} is there that names replicas",
                remedy="name the replicas' folders with --from. For a bucket or a server, write a "
                f"{SETTINGS_NAME} that names it, and run the command again:\n{TABLES}",
            ) from None
        if explicit is not None:
            raise
        path, text, is_new = (folder or Path.cwd()) / SETTINGS_NAME, config.example(), True
    settings = config.parse(text, path) if is_new else config.load(path)
    return Asked(
        settings=settings, text=text, is_new=is_new, places=places, trust=trust, without_backups=without_backups
    )


def look(asked: Asked) -> tuple[list[Present], list[str]]:
    """The replicas that are there, and what is to be said of the others."""
    present: list[Present] = []
    absent: list[str] = []
    for name, url, store in _stores(asked):
        try:
            identity = store.read_identity()
        except UnavailableError as error:
            if asked.places:
                remedy = "Give the folder that holds `.preserve`."
                if "://" in url and not url.startswith("file:"):
                    remedy = (
                        f"If its address is right, how it is spoken to belongs into {asked.settings.path}; "
                        f"then run the command again:\n{table_of(url)}"
                    )
                raise UsageError(f"no replica: {error}", remedy=remedy) from error
            absent.append(f"{name}: {error.cause}")
            continue
        for other in present:
            if other.identity.uuid == identity.uuid:
                raise UsageError(
                    f"{other.store.where} and {store.where} say that they are the same replica",
                    remedy="One is a copy of the other; give one of them.",
                )
        called = name or _unused(identity, [other.name for other in present])
        present.append(Present(name=called, identity=identity, store=store, url=url, configured=name is not None))
    if not present:
        raise UsageError("no replica is there to make the catalog from", remedy="Connect one, or name it with --from.")
    if asked.trust is not None and asked.trust not in {each.name for each in present}:
        known = ", ".join(each.name for each in present)
        raise UsageError(f"no replica that is there is called {asked.trust}", remedy=f"Known are: {known}.")
    return present, absent


def _stores(asked: Asked) -> list[tuple[str | None, str, ReplicaStore]]:
    """(name in the settings, url, store) of each replica that is asked."""
    configured = asked.settings.replicas.values()
    if not asked.places:
        return [(each.name, each.url, open_replica(each)) for each in configured]
    known = {_itself(each): each for each in configured}
    found: dict[object, tuple[str | None, str, ReplicaStore]] = {}
    for place in asked.places:
        url = url_of(place)
        probe = config.parse(config.with_replica("", "probe", url), asked.settings.path).replicas["probe"]
        # What the settings know of a place, such as its endpoint and where its key is, is needed to speak to it.
        same = known.get(_itself(probe))
        found[_itself(probe)] = (None if same is None else same.name, url, open_replica(same or probe))
    return list(found.values())


def _itself(replica: config.Replica) -> object:
    """What tells a place from others, however it is reached."""
    address = replica.address
    if isinstance(address, config.S3Address):
        return "s3", address.bucket, address.prefix
    if isinstance(address, config.SftpAddress):
        return "sftp", address.host, address.port, address.user, os.path.normpath(address.path)
    return os.path.normpath(address.root)


def _unused(identity: Identity, taken: Sequence[str]) -> str:
    """The name on the medium as the settings can hold it."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", identity.name)[:50].lstrip("-_") or "replica"
    return f"{name}-{identity.uuid[:8]}" if name in taken else name
