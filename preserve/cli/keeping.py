"""`preserve safe-to-delete`."""

from pathlib import Path

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_number


@click.command("safe-to-delete")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--copies",
    type=as_number,
    metavar="N",
    help="On how many replicas each file must be. Else minimum_copies of the settings, else 2.",
)
@click.option(
    "--days",
    type=as_number,
    metavar="D",
    help="Within how many days each of them must have been read. Else max_age of the settings.",
)
@click.option("--sites", type=as_number, metavar="S", help="At how many sites these replicas must stand. Else 2.")
@json_option
@config_option
@pass_invocation
def safe_to_delete_command(
    invocation: Invocation, path: Path, copies: int | None, days: int | None, sites: int | None, as_json: bool
) -> int:
    """May PATH, a file or a folder, be deleted here? Reads every file and asks the catalog. Never deletes anything.

    Yes only if the content of every file, under whatever name, is on enough other replicas at enough sites, each of
    them read lately, without open damage. A copy that would be deleted with PATH does not count.
    """
    from preserve.app.keeping import keeping_view, rule_of
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import keeping

    with Workspace(invocation.settings()) as workspace:
        rule = rule_of(workspace, copies=copies, days=days, sites=sites)
        with Progress("listing", quiet=as_json) as progress:
            view = keeping_view(workspace, path, rule, progress)
    if as_json:
        output.print_json(keeping.as_json(view))
    else:
        output.show(keeping.as_text(view))
    return OUTCOMES[keeping.outcome_of(view)]
