"""Fixtures for all tests."""

import os
import signal
from pathlib import Path

import pytest

# A shell that puts a command into the background lets it ignore Ctrl-C, and whatever the command starts ignores it too:
# tests that send it to a process of ours would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup leaves it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


_LONGEST_FIRST = ("fault", "property", "contract", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders with the longest tests first: side by side, no process is then left alone with them at the end."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=place)


@pytest.fixture(scope="session")
def premis_schema() -> Path:
    """The official PREMIS 3.0 schema, which is not part of this repository."""
    default = Path(__file__).parents[1] / "../shared/premis/premis-v3-0.xsd"
    path = Path(os.environ.get("PRESERVE_PREMIS_XSD") or default)
    if not path.is_file():
        message = f"no PREMIS schema at {path}; name it with PRESERVE_PREMIS_XSD"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
