"""SIGINT, SIGTERM and SIGHUP ask for an end: each becomes a KeyboardInterrupt, so that a run ends in order, with 130.

Imports nothing heavy: `entry` installs this before all else.
"""

import signal
import sys

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS = 0.01


class State:
    """What a signal does now. Plain attributes: Python handles no signal within a store, so there is no gap."""

    __slots__ = ("answered", "held", "over", "raised")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.raised = False  # a signal was made an interruption; whatever error comes out then comes of it
        self.held = False  # the answer is being given: one signal comes too late for it, a second one still ends
        self.answered = False  # a JSON document was printed, or begun
        self.over = False  # the status is settled


STATE = State()
_before: dict[signal.Signals, "signal._HANDLER"] = {}


def install() -> bool:
    """From now on signals interrupt; False if that was so already. Only in the main thread.

    A signal that the caller ignores, as `nohup` does with SIGHUP, stays ignored.
    """
    if _before:
        return False
    STATE.clear()
    for number in _ASKING:
        before = signal.getsignal(number)
        if before is not signal.SIG_IGN:
            _before[number] = before
            signal.signal(number, _interrupt)
    return True


def uninstall() -> None:
    """As it was before."""
    for number, before in _before.items():
        signal.signal(number, signal.SIG_DFL if before is None else before)
    _before.clear()


def ignore() -> None:
    """For the end of the process. Handlers in Python go back to the default when the interpreter ends; this stays."""
    STATE.over = True
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (*_ASKING, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """For sys.unraisablehook: an interruption that fell into a destructor comes again; the rest is for developers."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _again()
        return
    import os

    if os.environ.get("PRESERVE_DEBUG") == "1":
        sys.__unraisablehook__(lost)


def _interrupt(*_: object) -> None:
    if STATE.over:
        return
    if STATE.held:
        STATE.held = False
        return
    STATE.raised = True
    raise KeyboardInterrupt


def _again() -> None:
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
