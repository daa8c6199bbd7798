"""What the settings promise and allow, in the words of the pure rules, by the names of collections and replicas."""

from datetime import tzinfo
from typing import Protocol

from tzlocal import get_localzone

from checks.evidence import Evidence
from checks.hours import Hours
from checks.policy import Promise
from config import Limits, Settings


class Policies(Protocol):
    """What planning asks; names that the settings do not know have what holds for all."""

    def promise(self, collection: str, replica: str) -> Promise: ...
    def evidence(self, collection: str, replica: str) -> Evidence:
        """The least with which a reading keeps the promise."""

    def limits(self, replica: str) -> Limits: ...
    def hours(self, replica: str) -> Hours: ...


class SettingsPolicies:
    """The policies of `preserve.toml`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def promise(self, collection: str, replica: str) -> Promise:
        promised = self._settings.promise(collection, replica)
        return Promise(max_age=promised.max_age, target_age=promised.target_age)

    def evidence(self, collection: str, replica: str) -> Evidence:
        return Evidence.from_label(self._settings.promise(collection, replica).evidence)

    def limits(self, replica: str) -> Limits:
        return self._settings.limits(replica)

    def hours(self, replica: str) -> Hours:
        return Hours(self._settings.limits(replica).hours, self.zone)

    @property
    def zone(self) -> tzinfo:
        """In which hours and cron lines are meant."""
        return self._settings.time_zone or get_localzone()
