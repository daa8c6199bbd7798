"""From the text of `preserve.toml` to `Settings`; everything wrong is told with its file, line and remedy."""

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from config import raw
from config.addresses import FolderAddress, overlap
from config.archivematica import read_archivematica
from config.contradictions import refuse_contradictions
from config.errors import SettingsError
from config.model import Audit, Catalog, Collection, Repair, Replica, Settings
from config.notices import read_alerts, read_serve
from config.policies import read_audit, read_limits, read_own_promise
from config.sizes import parse_rate
from config.sources import parse_source
from config.tables import Tables
from config.texts import checked_line, checked_name
from config.unknown import UnknownKey, unknown_keys
from config.urls import REMOTE_KEYS, address_of

_MOST_BYTES = 1_048_576


def example() -> str:
    """The one commented example; what `preserve init` writes."""
    return Path(__file__).with_name("example.toml").read_text(encoding="utf-8")


def load(path: Path) -> Settings:
    """Reads and judges the settings file.

    Raises:
        SettingsError: it cannot be read, is not TOML, or says what cannot be meant.
    """
    data = _read(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError("is not UTF-8", path, line, "save it as UTF-8 text") from None
    return parse(text, path)


def _read(path: Path) -> bytes:
    try:
        # A pipe must not keep a service waiting that reads its settings again.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SettingsError("cannot be read: it is no file", path, remedy="name the file with the settings")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(_MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(
            f"cannot be read: {error.strerror or error}", path, remedy="look at its name and who may read it"
        ) from error
    if len(data) > _MOST_BYTES:
        raise SettingsError("is too large to be settings", path, remedy="look whether it is the right file")
    return data


def parse(text: str, path: Path) -> Settings:
    """Like `load`, from the text; relative folders are joined to the folder of `path`."""
    tables = Tables(Path(os.path.abspath(path)), text)
    _refuse_unknown(tables, unknown_keys(tables.values))
    settings = _settings(tables)
    refuse_contradictions(settings, tables)
    return settings


def _settings(tables: Tables) -> Settings:
    organization = tables.converted(("organization",), tables.values.get("organization"), str | None)
    if organization is not None:
        tables.valued(("organization",), checked_line, organization)
    catalog = tables.table(("catalog",), raw.Catalog)
    if not catalog.path or "\0" in catalog.path:
        raise tables.error(("catalog", "path"), "the catalog needs a file name", 'such as "catalog.sqlite"')
    repair = tables.table(("repair",), raw.Repair)
    audit = read_audit(tables)
    replicas = {name: _replica(tables, name, audit) for name in tables.names("replica")}
    _refuse_shared_roots(tables, replicas)
    return Settings(
        path=tables.path,
        organization=organization,
        catalog=Catalog(path=tables.path.parent / catalog.path, keep_backups=catalog.keep_backups),
        audit=audit,
        repair=Repair(mass_change_share=repair.mass_change_share, mass_change_files=repair.mass_change_files),
        alerts=read_alerts(tables),
        serve=read_serve(tables),
        archivematica=read_archivematica(tables),
        replicas=replicas,
        collections={name: _collection(tables, name, audit) for name in tables.names("collection")},
    )


def _replica(tables: Tables, name: str, audit: Audit) -> Replica:
    key = ("replica", name)
    tables.valued(key, checked_name, name)
    table = tables.table(key, raw.Replica)
    for field, value in (("medium", table.medium), ("site", table.site)):
        if value is not None:
            tables.valued((*key, field), checked_line, value)
    folder = tables.path.parent
    address = tables.valued(
        key, lambda keys: address_of(table.url, keys, folder), {each: getattr(table, each) for each in REMOTE_KEYS}
    )
    own = read_own_promise(tables, key, table, audit.promise)
    limits = audit.limits
    if own.max_age is not None and not tables.written(("audit", "grace")):
        limits = replace(limits, grace=min(limits.grace, own.max_age))  # the default is no contradiction
    return Replica(
        name=name,
        url=table.url,
        address=address,
        medium=table.medium,
        site=table.site,
        offline=table.offline,
        own=own,
        limits=read_limits(tables, key, table, limits),
        secret=None
        if table.secret is None
        else tables.valued(key, lambda text: parse_source(text, folder), table.secret),
        write_rate_bytes_per_second=None
        if table.write_rate is None
        else tables.valued((*key, "write_rate"), lambda text: parse_rate(text, done="written"), table.write_rate),
    )


def _collection(tables: Tables, name: str, audit: Audit) -> Collection:
    key = ("collection", name)
    table = tables.table(key, raw.Collection)
    own = read_own_promise(tables, key, table, audit.promise)
    return Collection(name=name, own=own, minimum_copies=table.minimum_copies)


def _refuse_shared_roots(tables: Tables, replicas: Mapping[str, Replica]) -> None:
    """Two replicas in one place would count every copy twice."""
    for one, other in combinations(replicas.values(), 2):
        if overlap(one.address, other.address):
            is_folder = isinstance(other.address, FolderAddress)
            said = "is the same folder as" if is_folder else "is in the same place as, holds or lies in"
            raise tables.error(
                ("replica", other.name, "url"),
                f"replica {other.name} {said} replica {one.name}",
                "one place is one copy: give each replica its own",
            )


def _refuse_unknown(tables: Tables, unknown: tuple[UnknownKey, ...]) -> None:
    if not unknown:
        return
    lines = [tables.line_of(each.key) for each in unknown]
    if len(unknown) == 1:
        raise SettingsError(unknown[0].sentence, tables.path, lines[0], unknown[0].remedy)
    told = sorted(zip(lines, unknown, strict=True), key=lambda pair: pair[0] or 0)
    message = f"{len(unknown)} settings are not known where they stand: " + "; ".join(
        f"line {line}: {each.dotted} ({each.remedy})" for line, each in told
    )
    raise SettingsError(message, tables.path, told[0][0], "correct these lines or take them out")
