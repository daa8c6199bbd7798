"""`preserve catalog`: the care for the catalog itself."""

from pathlib import Path

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_text


@click.group("catalog")
def catalog_command() -> None:
    """Back the catalog up, and make it again from the replicas."""


@catalog_command.command("backup")
@json_option
@config_option
@pass_invocation
def backup_command(invocation: Invocation, as_json: bool) -> int:
    """Place a verified copy of the catalog on every replica that is there; the oldest go after that.

    A replica that is not there is named. Unless it may be away (`offline = true`) and its date has not passed, the exit
    status is 3.
    """
    from preserve.app.catalog_care import back_up
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from reports import catalog_care

    with Workspace(invocation.settings()) as workspace:
        view = back_up(workspace)
    if as_json:
        output.print_json(catalog_care.backup_json(view))
    else:
        output.show(catalog_care.backup_text(view))
    return OUTCOMES[catalog_care.backup_outcome(view)]


@catalog_command.command("rebuild")
@click.option(
    "--from",
    "places",
    multiple=True,
    metavar="PATH",
    help="The folder of a replica; repeatable. Else those in preserve.toml.",
)
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path),
    help="Where preserve.toml is, or is made if there is none (default: here).",
)
@click.option("--without-backups", is_flag=True, help="Leave backups out; make it from the bags alone.")
@click.option(
    "--trust", type=as_text, metavar="REPLICA", help="Where replicas contradict each other, this one is right."
)
@json_option
@config_option
@pass_invocation
def rebuild_command(
    invocation: Invocation,
    places: tuple[str, ...],
    folder: Path | None,
    without_backups: bool,
    trust: str | None,
    as_json: bool,
) -> int:
    """Make a lost catalog again: from its backups on the replicas, and from the bags there.

    Nothing is written over: where a catalog stands, move it away first.
    """
    from preserve.app.rebuild_request import asked_for
    from preserve.app.rebuilds import rebuild
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import catalog_care

    asked = asked_for(invocation.explicit_config, places, folder, trust=trust, without_backups=without_backups)
    with Progress("making the catalog again", quiet=as_json) as progress:
        view = rebuild(asked, progress)
    if as_json:
        output.print_json(catalog_care.rebuild_json(view))
    else:
        output.show(catalog_care.rebuild_text(view))
    return OUTCOMES[catalog_care.rebuild_outcome(view)]


@catalog_command.command("check")
@click.option("--no-bags", is_flag=True, help="Leave out the bags' manifests on the replicas.")
@json_option
@config_option
@pass_invocation
def check_command(invocation: Invocation, no_bags: bool, as_json: bool) -> int:
    """Whether anybody changed the catalog: everything in it is computed again from its journal, and compared.

    The journal is compared with what the backups on the replicas remember of it, and what every file should be with the
    manifests of the bags there. Nothing is changed. A replica that is not there is named. Unless it may be away
    (`offline = true`) and its date has not passed, the exit status is 3.
    """
    from preserve.app.catalog_check import check_catalog
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import catalog_check

    with (
        Workspace(invocation.settings()) as workspace,
        Progress("checking the catalog", quiet=as_json) as progress,
    ):
        view = check_catalog(workspace, progress, bags=not no_bags)
    if as_json:
        output.print_json(catalog_check.as_json(view))
    else:
        output.show(catalog_check.as_text(view))
    return OUTCOMES[catalog_check.outcome_of(view)]
