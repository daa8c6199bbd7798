"""A cut with a fixed seed of the campaign in tests/campaigns/year.py: 20 packages, six weeks, all its troubles."""

import pytest

from checks.concerns import ConcernCode
from tests.campaigns.year import Year, campaign
from tests.campaigns.year_archive import REPLICAS, Shape
from tests.campaigns.year_picture import picture

SHAPE = Shape(packages=20, grown=3, files=3_000, scale=1 / 9, seed=1, backup_days=14)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    return campaign(tmp_path_factory.mktemp("year"), SHAPE)


def test_no_promise_is_broken_in_silence_and_no_limit_is_passed(year: Year) -> None:
    assert year.account.faults == []
    assert year.account.counted["readings"] > 500
    assert year.checked == ""


def test_what_was_foreseeable_was_foretold(year: Year) -> None:
    small = next(one for one in year.account.breaches() if one.replica == "nas" and not one.unreadable)
    assert small.lead_days is not None and small.lead_days >= 2


def test_each_trouble_is_worked_off(year: Year) -> None:
    last = [look for look in year.account.looks if look.day == SHAPE.days - 1]
    assert [look.replica for look in last] == list(REPLICAS)
    assert not any(ConcernCode.OVERDUE in look.concerns for look in last)
    assert any(ConcernCode.OVERDUE in look.concerns for look in year.account.looks if look.replica == "abroad")


def test_the_picture_is_complete_in_itself(year: Year) -> None:
    drawn = picture(year.account.looks, year.troubles.all, SHAPE.max_age, SHAPE.target_age)
    assert drawn.startswith("<svg") and drawn.count("<polyline") == 2 * len(REPLICAS)
    assert "href" not in drawn and "@import" not in drawn
