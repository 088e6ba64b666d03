"""Stamps and frames of syslog lines: the forms that log daemons write, and the years and zones they leave out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.logs.syslog import Stamps, unframed


def seconds(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


def read(head: bytes, written: float = seconds(2026, 12, 1), zone: timezone | None = UTC) -> int | None:
    stamps = Stamps(zone)
    stamps.written(written)
    return stamps.read(head)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"Nov 21 19:59:06 mx", seconds(2026, 11, 21, 19, 59, 6)),
        (b"Nov  1 19:59:06 mx", seconds(2026, 11, 1, 19, 59, 6)),
        (b"2026-11-21T19:59:06Z mx", seconds(2026, 11, 21, 19, 59, 6)),
        (b"2026-11-21T19:59:06 mx", seconds(2026, 11, 21, 19, 59, 6)),
        (b"2026-11-21T19:59:06.123456+01:00 mx", seconds(2026, 11, 21, 18, 59, 6)),
        (b"2026-11-21T19:59:06,999-0530 mx", seconds(2026, 11, 22, 1, 29, 6)),
        (b"2026-11-21T19:59:06.999999 mx", seconds(2026, 11, 21, 19, 59, 6)),
        (b"2016-12-31T23:59:60Z mx", seconds(2017, 1, 1)),
    ],
)
def test_every_form_of_a_stamp_is_read(head: bytes, expected: int) -> None:
    assert read(head) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Nov",
        b"Nov 21 19:59:06",
        b"Nov 31 19:59:06 mx",
        b"Nov 21 24:59:06 mx",
        b"Nov 21 19:59:61 mx",
        b"Nvo 21 19:59:06 mx",
        b"Nov 21 19-59-06 mx",
        b"2026-11-21 mx",
        b"2026-11-21 19:59:06 mx",
        b"2026-13-21T19:59:06Z mx",
        b"2026-11-21T19:59:06X mx",
        b"2026-11-21T19:59:06.+01:00x mx",
        b"\xff\xfe",
    ],
)
def test_what_is_no_stamp_is_none(head: bytes) -> None:
    assert read(head) is None


@pytest.mark.parametrize(
    ("head", "written", "year"),
    [
        (b"Dec 31 23:59:59 mx", seconds(2027, 1, 1), 2026),
        (b"Jan  1 00:00:10 mx", seconds(2026, 12, 31, 23, 59, 50), 2027),
        (b"Jan  2 12:00:00 mx", seconds(2026, 12, 31), 2026),
        (b"Nov 21 19:59:06 mx", seconds(2026, 11, 20, 20), 2026),
        (b"Nov 21 19:59:06 mx", seconds(2026, 11, 20, 19), 2025),
        (b"Feb 29 12:00:00 mx", seconds(2026, 12, 1), 2024),
        (b"Feb 29 12:00:00 mx", seconds(2103, 12, 1), 2096),
    ],
)
def test_the_year_is_the_latest_that_is_not_after_the_next_day(head: bytes, written: float, year: int) -> None:
    found = read(head, written)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).year == year


@given(st.datetimes(datetime(2001, 1, 2), datetime(2099, 1, 1)), st.floats(-86_000, 360 * 86_400), st.integers(-12, 14))
def test_a_stamp_without_year_is_found_again(moment: datetime, age_seconds: float, offset_hours: int) -> None:
    zone = timezone(timedelta(hours=offset_hours))
    moment = moment.replace(microsecond=0, tzinfo=zone)
    head = f"{moment:%b} {moment.day:2} {moment:%H:%M:%S} mx".encode()
    assert read(head, moment.timestamp() + age_seconds, zone) == int(moment.timestamp())


@given(
    st.datetimes(
        datetime(1970, 1, 2),
        datetime(9998, 12, 30),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    ),
    st.integers(0, 9),
)
def test_an_iso_stamp_is_found_again(moment: datetime, digits: int) -> None:
    fraction = "." + f"{moment.microsecond:06}000"[:digits] if digits else ""
    zone = f"{moment:%z}"
    head = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + zone[:3] + ":" + zone[3:] + " mx"
    assert read(head.encode()) == int(moment.replace(microsecond=0).timestamp())


@given(st.binary(max_size=50), st.floats())
def test_no_bytes_and_no_clock_raise(head: bytes, written: float) -> None:
    read(head, written)
    read(b"Nov 21 19:59:06 " + head, written)
    read(b"2026-11-21T19:59:0" + head, written)


@pytest.fixture
def central_europe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("central_europe")
def test_the_hours_that_a_clock_change_skips_and_repeats_are_read() -> None:
    assert read(b"Mar 29 01:59:59 mx", zone=None) == seconds(2026, 3, 29, 0, 59, 59)
    assert read(b"Mar 29 02:30:00 mx", zone=None) is not None
    assert read(b"Mar 29 03:00:00 mx", zone=None) == seconds(2026, 3, 29, 1)
    assert read(b"Oct 25 02:30:00 mx", zone=None) in (seconds(2026, 10, 25, 0, 30), seconds(2026, 10, 25, 1, 30))
    assert read(b"2026-10-25T02:30:00+01:00 mx", zone=None) == seconds(2026, 10, 25, 1, 30)


PLAIN = b"2026-11-21T19:59:06Z mx postfix/smtp[123]: 4jX6QC: removed"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"<22>Nov 21 19:59:06 mx postfix/smtp[1]: x", b"Nov 21 19:59:06 mx postfix/smtp[1]: x"),
        (b"<22>1 2026-11-21T19:59:06Z mx postfix/smtp 123 - - 4jX6QC: removed", PLAIN),
        (b"<22>1 2026-11-21T19:59:06Z mx postfix/smtp 123 ID7 - \xef\xbb\xbf4jX6QC: removed", PLAIN),
        (b'<22>1 2026-11-21T19:59:06Z mx postfix/smtp 123 - [a@1 b="\\"] x: "][c] 4jX6QC: removed', PLAIN),
        (b"<22>1 cut", b"<22>1 cut"),
        (b"<mail.info> x", b"<mail.info> x"),
        (b"<>x", b"<>x"),
        (b"Nov 21", b"Nov 21"),
        (b"", b""),
    ],
)
def test_priority_and_frame_are_taken_off(line: bytes, expected: bytes) -> None:
    assert unframed(line) == expected


@given(st.binary(max_size=80))
def test_no_frame_raises(rest: bytes) -> None:
    unframed(rest)
    unframed(b"<22>" + rest)
    unframed(b"<22>1 2026-11-21T19:59:06Z mx postfix/smtp 123 - [" + rest)
