"""Where the process begins, before anything heavy is imported: signals, standard streams, a broken installation.

What comes before `run`, the start of the interpreter and the import of this small module, is out of our hands: a signal
there ends the process as the interpreter does it (-2, -15, -1), and a disk that fails there ends it with 1. So this
module imports nothing at its top that the interpreter has not loaded.
"""

import sys

_UNDETERMINED, _INTERRUPTED = 3, 130  # as in `exits`, which may be what cannot be imported


def run() -> int:
    """Runs the command of sys.argv; returns its exit status and never raises."""
    try:
        from preserve.cli import signals

        signals.install()
        sys.unraisablehook = signals.unraisable
        status = _run()
        signals.STATE.over = True
    except BaseException as error:  # noqa: BLE001 - what `main` could not tell, or what came before it
        status = _end_with(error)
    try:
        signals.ignore()
    except BaseException:  # noqa: BLE001 - `signals` is what could not be imported
        return status
    return status


def _run() -> int:
    unreadable = sys.stdout is None
    _fill_standard_streams()
    if unreadable:
        _say("error: standard output is closed, so nobody could read the answer; nothing was done")
        _say("       Give it a file, or /dev/null if only the exit status matters.")
        return _UNDETERMINED
    from preserve.cli.main import main

    return main()


def _fill_standard_streams() -> None:
    """Where 0, 1 or 2 is closed, the next file opened would get its number, and messages would go into a catalog."""
    import os

    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives


def _end_with(error: BaseException) -> int:
    """Tells of an error with nothing but what every interpreter has loaded."""
    try:
        from preserve.cli import signals

        signals.STATE.held = True
        interrupted, answered = signals.STATE.raised, signals.STATE.answered
    except Exception:  # noqa: BLE001 - `signals` is what could not be imported
        interrupted, answered = isinstance(error, KeyboardInterrupt), False
    status = _INTERRUPTED if interrupted else _UNDETERMINED
    if interrupted:
        message, remedy = "interrupted: what was not finished is not counted as done", ""
    else:
        message = f"preserve itself could not be loaded: {type(error).__name__}: {error}"
        remedy = "Look at the disk it is installed on, or install it again; this says nothing of the files."
    try:
        from preserve.cli.arguments import asks_for_json

        _say_traceback(error)
        _say("error: " + _ascii(message))
        if remedy:
            _say("       " + remedy)
        if asks_for_json(sys.argv[1:]) and not answered:
            told = f'{{"message": "{_ascii(message)}", "remedy": "{remedy}", "exit_status": {status}}}'
            head = '"outcome": "inconclusive", "findings": [], "counts": {}'
            print(f'{{{head}, "error": {told}}}', flush=True)  # noqa: T201 - `output` may be what fails
    except BaseException:  # noqa: BLE001 - nobody can be told, or another signal; the status still tells
        return status
    return status


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - `output` may be what could not be imported


def _say_traceback(error: BaseException) -> None:
    import os

    if os.environ.get("PRESERVE_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)


def _ascii(text: str) -> str:
    """In one line, harmless on a terminal and inside a JSON string."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{min(ord(c), 0xFFFD):04x}" for c in text)
