"""Adding and taking out replicas: settings, catalog and the identity on the medium, in an order that can be resumed."""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from urllib.parse import quote
from uuid import UUID, uuid4

import config
from checks.names import show
from checks.ports import NotFoundError, StoreError, UnavailableError
from preserve.app.overlaps import refuse_nested
from preserve.app.taking_over import refuse_taken
from preserve.app.trying import refuse_unfit
from preserve.app.workspace import Workspace
from preserve.catalog.rows import ReplicaRow
from preserve.errors import UsageError
from preserve.stores.durable import write_durably, writing
from preserve.stores.identity import IDENTITY_FILE, OURS, Identity, read_identity, write_identity
from preserve.stores.nesting import nested
from preserve.stores.not_installed import remedy
from preserve.stores.opening import missing_for, open_replica
from preserve.stores.port import ExistsError, ReplicaStore
from reports.words import visible

_WITH_PASSWORD = re.compile(r":[^/@]*@")  # such a text is never repeated


def add_replica(
    workspace: Workspace,
    name: str,
    place: str,
    *,
    medium: str | None,
    site: str | None,
    offline: bool,
    keys: Mapping[str, str | None] | None = None,
    take_over: bool = False,
    warn: Callable[[str, str], None] = lambda message, remedy: None,
) -> ReplicaRow:
    """Makes a place a replica: writes its identity, notes it in the catalog, adds it to the settings.

    A disk that carries an identity already is added under that identity, if the catalog knows it by no other name.

    Args:
        keys: of the settings, for a place elsewhere: `endpoint`, `secret` and so on.
        take_over: even if its identity is one that the catalog never knew.
        warn: told of what is not as it should be at a place that will do all the same, and what to do.

    Raises:
        UsageError: the name is taken, the place is not there or will not do, or it belongs to another replica.
    """
    url = url_of(place)
    text = workspace.settings.path.read_text(encoding="utf-8")
    if name in workspace.settings.replicas and name in {r.name for r in workspace.catalog.replicas()}:
        if workspace.settings.replicas[name].url == url:
            where = f"it is in {workspace.settings.path.name} already"
            raise UsageError(f"there is a replica {name} already: {where}", remedy="Change it there.")
        raise UsageError(f"there is a replica {name} already", remedy="Choose another name.")
    if name not in workspace.settings.replicas:
        _refuse_overlap(workspace, config.with_replica("", name, url, keys=keys), name)
        text = config.with_replica(text, name, url, medium=medium, site=site, offline=offline, keys=keys)
    configured = config.parse(text, workspace.settings.path).replicas[name]
    # The medium first: whatever is killed in between, the next run finds the identity there and goes on with it.
    if configured.folder is None:
        _refuse_not_installed(configured)
        with closing(open_replica(configured)) as store:
            warnings = refuse_unfit(store, configured.address)
            identity, known = _named_afar(workspace, store, configured, take_over=take_over)
        for message, what_to_do in warnings:
            warn(message, what_to_do)
    else:
        identity, known = _named(workspace, configured, configured.folder, take_over=take_over)
    row = known or workspace.catalog.add_replica(UUID(identity.uuid), name, workspace.clock())
    if name not in workspace.settings.replicas:
        write_durably(os.fsencode(workspace.settings.path), text.encode("utf-8"))
    return row


def _named(
    workspace: Workspace, configured: config.Replica, root: bytes, *, take_over: bool
) -> tuple[Identity, ReplicaRow | None]:
    """The folder's identity, written there, and the replica in use that it belongs to."""
    _refuse_other_uses(workspace, root, configured.name)
    identity = _identity_on(root, configured.name)
    known = _known(workspace, identity, configured.name)
    with closing(open_replica(configured)) as store:
        _refuse_nested(workspace, configured, store, identity)
        if not take_over:
            refuse_taken(workspace, store, identity, configured.name)
    with writing(root):
        write_identity(root, identity, workspace.clock())
    return identity, known


def _named_afar(
    workspace: Workspace, store: ReplicaStore, configured: config.Replica, *, take_over: bool
) -> tuple[Identity, ReplicaRow | None]:
    """Like `_named`, for a place elsewhere: an identity that stands there is never written over."""
    name = configured.name
    try:
        try:
            store.stat(IDENTITY_FILE)
        except NotFoundError:
            identity = Identity(uuid=str(uuid4()), name=name)
            known = _known(workspace, identity, name)
            _refuse_nested(workspace, configured, store, identity)
            store.write_identity(identity, workspace.clock())
            return identity, known
        identity = store.read_identity()
        known = _known(workspace, identity, name)
        _refuse_nested(workspace, configured, store, identity)
        if not take_over:
            refuse_taken(workspace, store, identity, name)
        return identity, known
    except ExistsError as error:
        raise UsageError(
            f"somebody else made {store.where} a replica at this moment", remedy="Run the command again."
        ) from error
    except StoreError as error:
        raise UsageError(
            f"the identity at {store.where} cannot be read or written: {error.cause or error}",
            remedy="It may be another archive's replica. Look at it before you go on.",
        ) from error


def _refuse_nested(workspace: Workspace, configured: config.Replica, store: ReplicaStore, identity: Identity) -> None:
    known = {str(row.uuid) for row in workspace.catalog.replicas()}
    refuse_nested(configured, store, identity.uuid, known, open_replica)


def _refuse_not_installed(replica: config.Replica) -> None:
    if extra := missing_for(replica):
        raise UsageError(
            f"what speaks to the replica {replica.name}, at {replica.address.where}, is not installed",
            remedy=remedy(extra),
        )


def _refuse_overlap(workspace: Workspace, text: str, name: str) -> None:
    """Folders are judged by `_refuse_other_uses`, where they are."""
    added = config.parse(text, workspace.settings.path).replicas[name]
    for other in workspace.settings.replicas.values():
        if added.folder is None and config.overlap(added.address, other.address):
            raise UsageError(
                f"{added.address.where} is, holds or lies in the replica {other.name}",
                remedy="Two copies in one place are lost together; choose another place.",
            )


def remove_replica(workspace: Workspace, name: str, *, last_copies: bool = False) -> None:
    """Takes a replica out of the settings and ends it in the catalog. Nothing on the medium is touched.

    Args:
        last_copies: although packages have a copy nowhere else.

    Raises:
        UsageError: there is no such replica; or packages have a copy nowhere else.
    """
    (row,) = workspace.replicas((name,))
    if not last_copies:
        _refuse_last_copies(workspace, row)
    # The catalog last: it is what this asks first, so that the same command can finish what was killed in between.
    if name in workspace.settings.replicas:
        text = config.without_replica(workspace.settings.path.read_text(encoding="utf-8"), name)
        write_durably(os.fsencode(workspace.settings.path), text.encode("utf-8"))
    workspace.catalog.remove_replica(row.name, workspace.clock())


def _refuse_last_copies(workspace: Workspace, row: ReplicaRow) -> None:
    copies = workspace.catalog.copies(current_only=True)
    elsewhere = {copy.package_id for copy in copies if copy.replica_id != row.id}
    alone = sorted({copy.package for copy in copies if copy.package_id not in elsewhere})
    if alone:
        more = f" and {len(alone) - 3:,} more" if len(alone) > 3 else ""
        have = "has its only copy" if len(alone) == 1 else "have their only copy"
        raise UsageError(
            f"{', '.join(map(visible, alone[:3]))}{more} {have} on {row.name}: nobody would look after it any more",
            remedy="Place them elsewhere first (`preserve replicate`), or say --last-copies.",
        )


def url_of(place: str) -> str:
    """A place as the settings hold it: URLs as they are, folders made absolute."""
    if not place:
        raise UsageError("a replica needs a folder", remedy="preserve replica add NAME PATH")
    if "://" in place:
        return place
    if _WITH_PASSWORD.search(place) and not os.path.lexists(place):
        raise UsageError(
            "this looks like another machine's address with a password in it",
            remedy="For an SFTP server write sftp://user@host/path, and name with --secret where the password is kept.",
        )
    path = os.path.abspath(os.fsencode(place))
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return "file://" + quote(path)


def _refuse_other_uses(workspace: Workspace, root: bytes, name: str) -> None:
    """A replica is a place of its own: not within another one or around it, and never inside a bag."""
    if not os.path.isdir(root):
        raise UsageError(f"{show(root)} is not a folder", remedy="Connect the disk, or make the folder first.")
    real = os.path.realpath(root)
    for other in workspace.settings.replicas.values():
        if other.folder is None:
            continue
        if other.name != name and nested(real, other.folder):
            raise UsageError(
                f"{show(root)} is, holds or lies in the replica {other.name}",
                remedy="Two copies in one place are lost together; choose another place.",
            )
    folder = real
    while folder != b"/":
        if os.path.lexists(os.path.join(folder, b"bagit.txt")) or os.path.basename(folder) == OURS:
            raise UsageError(
                f"{show(root)} lies in {show(folder)}, which is a bag or a folder of ours",
                remedy="Choose a folder that is kept for copies alone.",
            )
        folder = os.path.dirname(folder)


def _identity_on(root: bytes, name: str) -> Identity:
    if not os.path.lexists(os.path.join(root, IDENTITY_FILE)):
        return Identity(uuid=str(uuid4()), name=name)
    try:
        return read_identity(root)
    except UnavailableError as error:
        raise UsageError(
            f"there is an identity file on this disk that cannot be read: {error}",
            remedy="It may be another archive's replica. Look at it before you go on.",
        ) from error


def _known(workspace: Workspace, identity: Identity, name: str) -> ReplicaRow | None:
    """The replica in use that this identity belongs to; UsageError if name and identity do not go together."""
    for known in workspace.catalog.replicas():
        if str(known.uuid) == identity.uuid and known.name == name:
            return known
        if str(known.uuid) == identity.uuid:
            raise UsageError(
                f"this place is the replica {known.name} already", remedy="Use that name, or take another place."
            )
        if known.name == name:
            raise UsageError(
                f"the catalog knows another place as the replica {name}",
                remedy="Choose another name, or end that one with `preserve replica remove`.",
            )
    return None
