"""`preserve alert` and `preserve acknowledge`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_text

if TYPE_CHECKING:
    from preserve.alerts.channels import Delivery


@click.command("alert")
@click.option("--test", "testing", is_flag=True, help="Send a letter and a ping that only show whether they arrive.")
@json_option
@config_option
@pass_invocation
def alert_command(invocation: Invocation, testing: bool, as_json: bool) -> int:
    """Tell people what is not as it should be, as far as they are to be told now. `preserve serve` does it by itself.

    What is urgent goes out at once, the rest in a daily letter; each cause again every day, until it is acknowledged or
    gone. Where letters go is in the file that `urls_file` names, and in PRESERVE_ALERT_URLS. Exit status 0: every
    channel took what there was to send; 3: one did not; 2: none is set.
    """
    from preserve.app.alerts import refuse_without_channels, tell, test
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import GOOD, UNDETERMINED

    with Workspace(invocation.settings()) as workspace:
        if testing:
            deliveries = test(workspace)
        else:
            from preserve.app.health import health

            refuse_without_channels(workspace)
            deliveries = tell(workspace, health(workspace).concerns, now=workspace.clock())
    _show(deliveries, as_json)
    return GOOD if all(delivery.ok for delivery in deliveries) else UNDETERMINED


def _show(deliveries: "Sequence[Delivery]", as_json: bool) -> None:
    from rich.text import Text

    if as_json:
        output.print_json(_document(deliveries))
        return
    if not deliveries:
        output.show(Text("Nothing is to be sent now."))
    for delivery in deliveries:
        if delivery.ok:
            told = Text(f"✔ {delivery.channel}: took {output.plain(delivery.title)}", "green")
        else:
            told = Text(f"✖ {delivery.channel}: {delivery.why}; not taken: {output.plain(delivery.title)}", "red")
        output.show(told)


def _document(deliveries: "Sequence[Delivery]") -> dict[str, object]:
    failed = sum(not delivery.ok for delivery in deliveries)
    return {
        "outcome": "inconclusive" if failed else "pass",
        "findings": [],
        "counts": {"sent": len(deliveries) - failed, "failed": failed},
        "deliveries": [
            {"channel": one.channel, "ok": one.ok, "why": one.why, "title": one.title} for one in deliveries
        ],
    }


@click.command("acknowledge")
@click.argument("causes", nargs=-1, type=as_text, metavar="[CAUSE]...")
@click.option("--all", "all_of_them", is_flag=True, help="All that stands now.")
@click.option(
    "--note", type=as_text, metavar="TEXT", required=True, help="Who does what about it; the journal keeps it."
)
@json_option
@config_option
@pass_invocation
def acknowledge_command(
    invocation: Invocation, causes: tuple[str, ...], all_of_them: bool, note: str, as_json: bool
) -> int:
    """Say that somebody knows of CAUSE, such as damaged:nas, and looks after it: it is told no more.

    It is told again if it gets worse (more files), or if it was gone and comes back. Nothing that is shown by `preserve
    watch` and `preserve status` changes, nor their exit status: only putting it right does that.
    """
    from preserve.app.alerts import acknowledge
    from preserve.app.health import health
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import GOOD
    from preserve.errors import UsageError

    if bool(causes) == all_of_them:
        raise UsageError(
            "name the causes that you acknowledge, or give --all", remedy="`preserve watch` shows their names."
        )
    if not note.strip():
        raise UsageError("--note is empty", remedy="Write who does what about it; the journal keeps it.")
    with Workspace(invocation.settings()) as workspace:
        done = acknowledge(workspace, causes, health(workspace).concerns, note=note, all_of_them=all_of_them)
    if as_json:
        output.print_json(
            {"outcome": "pass", "findings": [], "counts": {"acknowledged": len(done)}, "acknowledged": done}
        )
        return GOOD
    for key in done:
        output.note(f"acknowledged: {key}")
    if not done:
        output.note("nothing stands that could be acknowledged")
    return GOOD
