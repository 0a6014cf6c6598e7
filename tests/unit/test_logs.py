"""What is logged, and how often."""

import logging

import pytest

from orchestrator_site.logs import OnceAMinute


def test_a_library_that_complains_each_second_is_heard_once_a_minute_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = logging.getLogger("a_talkative_library")
    complaint = OnceAMinute()
    library.addFilter(complaint)
    for _ in range(3):
        try:
            raise ConnectionError("connection refused")
        except ConnectionError:
            library.exception("Unexpected exception in %s", "receive task")
    assert [record.getMessage() for record in caplog.records] == [
        "Unexpected exception in receive task: connection refused"
    ]
    assert caplog.records[0].exc_info is None
    complaint._said_at -= 60
    library.error("still away")
    assert len(caplog.records) == 2
