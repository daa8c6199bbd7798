"""Bags (RFC 8493): `read` one, `validate` one, `write` one. Documented with examples in docs/api.md."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preserve.bag.api import validate as validate
    from preserve.bag.api import write as write
    from preserve.bag.codes import Code as Code
    from preserve.bag.finding import Finding as Finding
    from preserve.bag.making.request import EmptyFolders as EmptyFolders
    from preserve.bag.making.request import Written as Written
    from preserve.bag.reading import Bag as Bag
    from preserve.bag.reading import ListedFile as ListedFile
    from preserve.bag.reading import read as read
    from preserve.bag.validating.depth import Depth as Depth
    from preserve.bag.validating.validation import Validation as Validation
    from preserve.bag.validating.validation import Validator as Validator

_HOMES = {
    "validate": "api",
    "write": "api",
    "Code": "codes",
    "Depth": "validating.depth",
    "Finding": "finding",
    "Bag": "reading",
    "ListedFile": "reading",
    "read": "reading",
    "EmptyFolders": "making.request",
    "Written": "making.request",
    "Validation": "validating.validation",
    "Validator": "validating.validation",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Public names come when they are asked for: whoever needs one module of this folder does not wait for all."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
