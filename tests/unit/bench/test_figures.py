"""What is told of measured values."""

import pytest

from bench.figures import percentile, quantiles, shown, summary


def test_a_summary_tells_the_middle_and_both_ends() -> None:
    told = summary([3.0, 1.0, 2.0, 10.0])

    assert (told.count, told.median, told.lowest, told.highest) == (4, 2.5, 1.0, 10.0)


def test_the_99th_percentile_of_a_hundred_values_is_not_the_worst_of_them() -> None:
    assert percentile(list(range(1, 101)), 99) == 99


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (51, 3), (99, 4), (100, 4)])
def test_a_percentile_is_one_of_the_values(percent: float, value: int) -> None:
    assert percentile([1, 2, 3, 4], percent) == value


def test_nothing_measured_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        summary([])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.1234, "0.12"), (1.005, "1.00"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_a_number_is_shown_with_the_digits_that_mean_something(value: float, text: str) -> None:
    assert shown(value) == text


def test_quantiles_keep_both_ends_and_the_order() -> None:
    assert quantiles([5.0, 1.0, 4.0, 2.0, 3.0], 3) == [1.0, 3.0, 5.0]
    assert quantiles([2.0, 1.0], 3) == [1.0, 2.0]
