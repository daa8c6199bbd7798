"""The simulated year in tables: a line a month, and a line for each time that a promise was broken."""

from datetime import timedelta

from checks.concerns import ConcernCode
from tests.campaigns.year_archive import REPLICAS, START
from tests.campaigns.year_looks import Account, Look


def by_month(account: Account) -> str:
    """Markdown: by month and replica what was read, the oldest age, what was overdue, and what was said."""
    lines = [
        "| month | replica | read, TB | nights with reading | oldest, days | overdue shards, most | concerns (days) |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    months: dict[tuple[str, str], list[Look]] = {}
    for look in account.looks:
        month = f"{START + timedelta(days=look.day):%Y-%m}"
        months.setdefault((month, look.replica), []).append(look)
    for (month, name), looks in sorted(months.items(), key=lambda one: (one[0][0], REPLICAS.index(one[0][1]))):
        read = sum(look.read_bytes for look in looks) / 1e12
        nights = sum(look.read_bytes > 0 for look in looks)
        oldest = max(look.oldest for look in looks)
        overdue = max(look.overdue for look in looks)
        told = _counted(looks, account if name == REPLICAS[0] else None)
        lines.append(f"| {month} | {name} | {read:.2f} | {nights} | {oldest:.1f} | {overdue:,} | {told} |")
    return "\n".join(lines)


def _counted(looks: list[Look], general: Account | None) -> str:
    days: dict[ConcernCode, int] = {}
    for look in looks:
        for code in look.concerns | (general.general[look.day] if general else frozenset()):
            days[code] = days.get(code, 0) + 1
    return ", ".join(
        f"{code.value} ({days[code]})" for code in sorted(days, key=lambda code: list(ConcernCode).index(code))
    )


def of_breaches(account: Account) -> str:
    """Markdown: each time that a promise was broken."""
    lines = [
        "| replica | overdue, days | shards, most | oldest, days | warned before, days | what stood the day before |",
        "|---|---|---:|---:|---:|---|",
    ]
    for one in account.breaches():
        lead = "-" if one.lead_days is None else str(one.lead_days)
        beside = ", ".join(sorted(code.value for code in one.beside))
        what = f"{one.replica} (unreadable)" if one.unreadable else one.replica
        lines.append(f"| {what} | {one.first} to {one.last} | {one.most:,} | {one.oldest:.1f} | {lead} | {beside} |")
    return "\n".join(lines)
