"""Who is told and where figures are served: `[alerts]` and `[serve]`."""

import re
from ipaddress import ip_address
from pathlib import Path

from config import raw
from config.errors import ValueProblem
from config.model import Alerts, Serve
from config.schedule import parse_duration
from config.tables import Tables
from config.texts import quoted
from config.windows import parse_clock

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})", re.ASCII)


def read_alerts(tables: Tables) -> Alerts:
    table = tables.table(("alerts",), raw.Alerts)

    def file(name: str, value: str | None) -> Path | None:
        return None if value is None else tables.path.parent / tables.valued(("alerts", name), _file_name, value)

    return Alerts(
        urls_file=file("urls_file", table.urls_file),
        ping_url_file=file("ping_url_file", table.ping_url_file),
        digest_minute=tables.valued(("alerts", "digest"), parse_clock, table.digest),
        repeat=tables.valued(("alerts", "repeat"), parse_duration, table.repeat),
    )


def read_serve(tables: Tables) -> Serve:
    table = tables.table(("serve",), raw.Serve)
    if table.metrics is None:
        return Serve(metrics=None, metrics_open=table.metrics_open)
    host, port = tables.valued(("serve", "metrics"), _address, table.metrics)
    if not table.metrics_open and not _is_loopback(host):
        raise tables.error(
            ("serve", "metrics"),
            f"metrics at {host} could be read by other machines: they name replicas and collections",
            f'write metrics = "127.0.0.1:{port}", or, if that is wanted, metrics_open = true below it',
        )
    return Serve(metrics=(host, port), metrics_open=table.metrics_open)


def _file_name(value: str) -> str:
    if "://" in value:
        # Not repeated: it may hold a password.
        raise ValueProblem(
            "this is an address, and it must be the name of a file that holds the address",
            "write the address into a file of mode 600, and that file's name here",
        )
    if not value or "\0" in value or value.startswith("~"):
        raise ValueProblem(f"{quoted(value)} cannot be the name of a file", "write its whole path")
    return value


def _address(value: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(value.strip())
    if "@" in value:  # not repeated: it may hold a password
        raise ValueProblem(
            "this has a user's name in it, and no address to listen at has one",
            'write it as "127.0.0.1:9108"; the port is 1 to 65535',
        )
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ValueProblem(
            f"{quoted(value)} is not an address and a port", 'write it as "127.0.0.1:9108"; the port is 1 to 65535'
        )
    return match["six"] or match["host"], int(match["port"])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
