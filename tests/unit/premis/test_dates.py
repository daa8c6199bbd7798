"""What counts as a date or time in `eventDateTime`."""

import pytest

from premis.dates import is_date_time


@pytest.mark.parametrize(
    "text",
    [
        "2015",
        "2015-03",
        "2015-03-17",
        "20150317",
        "2015-03-17T22:59:16",
        "2015-03-17T22:59:16.123456Z",
        "2015-03-17T22:59+07:00",
        "20050705T0715-0500/20050705T0720-0500",
        "2012-02-29",
        "2015-03-17T24:00:00",
        "1975-04~",
        "19XX",
        "1975-uu-uu",
        "2001-21",
        "1975-04-17/1979-01-07",
        "1975/..",
        "unknown/2006",
        "2016-01-01T00:00:00Z/PT1H30M",
        "-0044-03-15",
        " 2015-03-17 ",
    ],
)
def test_iso_8601_and_edtf_are_dates(text: str) -> None:
    assert is_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "17.03.2015",
        "2015-13-01",
        "2015-13",
        "2015-02-30",
        "2013-02-29",
        "2015-03-17T25:00:00",
        "2015-03-17T24:00:01",
        "2015-03-17T22:60:00",
        "2015-03-17T22:59:61",
        "2015-03-17T22:59:16+15:00",
        "2015-03-17 22:59:16",
        "2015T10:00",
        "2015-03-17T",
        "../..",
        "2015/2016/2017",
        "2015/tomorrow",
        "2015/P",
        "٢٠١٥-٠٣-١٧",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_date_time(text)
