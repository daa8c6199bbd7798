"""`preserve audit --here`: needs neither settings nor a catalog."""

import os

from preserve.cli import output


def audit_here(folder: str, as_json: bool) -> int:
    """Reads the disk that a folder lies on, and tells."""
    from preserve.app.auditing_here import audit_here as read
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from reports import auditing_here

    with Progress("auditing", quiet=as_json) as progress:
        view = read(os.fsencode(folder), progress)
    if as_json:
        output.print_json(auditing_here.as_json(view))
    else:
        output.show(auditing_here.as_text(view))
    return OUTCOMES[auditing_here.outcome_of(view)]
