"""Settings that every test shares."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("mailtop", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mailtop")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed and logged may be any text, lone surrogates too, which pytest-xdist cannot send."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report
