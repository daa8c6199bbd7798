"""`preserve reconcile` and `preserve adopt`."""

from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import PLACE, as_identifier, as_text

if TYPE_CHECKING:
    from preserve.app.workspace import Workspace
    from preserve.cli.progress import Progress
    from reports.adoption import AdoptionView


@click.command("reconcile")
@click.option("--replica", "replicas", multiple=True, type=as_text, metavar="NAME", help="Which; repeatable. Else all.")
@click.option(
    "--take-in", "taken", multiple=True, type=PLACE, metavar="FOLDER", help="Adopt the bag there; see `preserve adopt`."
)
@click.option(
    "--ignore", "ignored", multiple=True, type=PLACE, metavar="FOLDER", help="Do not tell of this name any more."
)
@click.option("--reason", type=as_text, metavar="TEXT", help="Why it is ignored; the journal keeps it.")
@click.option("--unignore", "heeded", multiple=True, type=PLACE, metavar="FOLDER", help="Tell of this name again.")
@json_option
@config_option
@pass_invocation
def reconcile_command(
    invocation: Invocation,
    replicas: tuple[str, ...],
    taken: tuple[bytes, ...],
    ignored: tuple[bytes, ...],
    reason: str | None,
    heeded: tuple[bytes, ...],
    as_json: bool,
) -> int:
    """Compare replicas with the catalog: what is there and not known, and what is known and not there.

    Nothing on a replica is changed. FOLDER is named from the replica's root.
    """
    from preserve.app.reconciling import reconcile
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import DAMAGE, GOOD, OUTCOMES, UNDETERMINED
    from preserve.cli.progress import Progress
    from preserve.errors import UsageError
    from reports import adoption
    from reports import reconcile as report

    if reason is not None and not ignored:
        raise UsageError("--reason goes with --ignore")
    with Workspace(invocation.settings()) as workspace, Progress("looking through", quiet=as_json) as progress:
        adopted = None
        if taken or ignored or heeded:
            name = _one(workspace, replicas)
            _decide(workspace, name, ignored, reason or "", heeded)
            adopted = _adopted(workspace, name, taken, progress) if taken else None
        views = reconcile(workspace, replicas, progress)
    worse = [report.outcome_of(views)] + ([] if adopted is None else [adoption.outcome_of(adopted)])
    if as_json:
        document = report.as_json(views)
        if adopted is not None:
            document |= {"adopted": adoption.as_json(adopted)}
        output.print_json(document)
    else:
        if adopted is not None:
            output.show(adoption.as_text(adopted))
        output.show(report.as_text(views))
    statuses = {OUTCOMES[outcome] for outcome in worse}
    return next((status for status in (DAMAGE, UNDETERMINED) if status in statuses), GOOD)


def _one(workspace: "Workspace", replicas: tuple[str, ...]) -> str:
    """The replica on which the named folders lie."""
    from preserve.errors import UsageError

    known = workspace.replicas(replicas)
    if len(known) != 1:
        raise UsageError("on which replica do these folders lie?", remedy="Name one with --replica NAME.")
    return known[0].name


def _decide(
    workspace: "Workspace", name: str, ignored: tuple[bytes, ...], reason: str, heeded: tuple[bytes, ...]
) -> None:
    from checks.names import show
    from preserve.app.reconciling import below_root, heed, ignore, root_of

    root = root_of(workspace, name)
    for path in heeded:
        heed(workspace, name, below_root(path, root))
        output.note(f"{name}: {show(path)} is told of again")
    for path in ignored:
        what = ignore(workspace, name, below_root(path, root), reason)
        output.note(f"{name}: {show(path)} is ignored, as long as it is a {what}")


def _adopted(workspace: "Workspace", name: str, taken: tuple[bytes, ...], progress: "Progress") -> "AdoptionView":
    from preserve.app.adopting import Wish, adopt

    return adopt(workspace, Wish(replica=name, folders=taken), progress)


@click.command("adopt")
@click.argument("replica", type=as_text)
@click.argument("folders", nargs=-1, type=PLACE, metavar="[FOLDER]...")
@click.option(
    "--id", "identifier", type=as_identifier, metavar="ID", help="Whose the one FOLDER is; else its bag-info.txt says."
)
@click.option("--collection", type=as_identifier, metavar="TEXT", help="The collection that new packages belong to.")
@click.option(
    "--new-version",
    "new_versions",
    multiple=True,
    type=PLACE,
    metavar="FOLDER",
    help="This bag is the next version of a package that is known; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be adopted; read no payload, record nothing.")
@json_option
@config_option
@pass_invocation
def adopt_command(
    invocation: Invocation,
    replica: str,
    folders: tuple[bytes, ...],
    identifier: str | None,
    collection: str | None,
    new_versions: tuple[bytes, ...],
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take bags in that lie on REPLICA already: each is read whole, and recorded where it lies if it is good.

    Nothing is copied, moved or written into a bag. Without FOLDER, every bag that the catalog does not know.
    """
    from preserve.app.adopting import Wish, adopt
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import adoption

    wish = Wish(
        replica=replica,
        folders=folders,
        new_versions=new_versions,
        identifier=identifier,
        collection=collection or "",
        dry_run=dry_run,
    )
    with Workspace(invocation.settings()) as workspace, Progress("adopting", quiet=as_json) as progress:
        view = adopt(workspace, wish, progress)
    if as_json:
        output.print_json(adoption.as_json(view))
    else:
        output.show(adoption.as_text(view))
    return OUTCOMES[adoption.outcome_of(view)]
