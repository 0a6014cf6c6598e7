"""Who comes first when many wait."""

from sessions.policies import AGING_SECONDS, takes_the_oldest, waiting_rank


def rank(session: int = 0, task: int = 0, waited: float = 0) -> tuple[int, int, float]:
    return waiting_rank(session_priority=session, task_priority=task, waited_seconds=waited)


def test_the_sessions_priority_counts_before_the_tasks_and_that_before_the_wait() -> None:
    assert rank(session=1) < rank(task=100)
    assert rank(task=1) < rank(waited=AGING_SECONDS - 1)
    assert rank(waited=2) < rank(waited=1)


def test_whoever_waits_long_enough_comes_before_everything_new() -> None:
    assert rank(session=-100, task=-100, waited=AGING_SECONDS * 201) < rank(session=100, task=100)


def test_a_clock_that_was_set_back_does_not_lower_a_rank() -> None:
    assert rank(waited=-1000)[0] == 0


def test_every_tenth_time_the_oldest_is_taken() -> None:
    assert [count for count in range(40) if takes_the_oldest(count)] == [9, 19, 29, 39]
