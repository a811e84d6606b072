"""The interval of a paired difference, held to published examples and to values by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from qrig.quantize.judgement import paired_difference

Answers = npt.NDArray[np.bool_]


def answers(both: int, first: int, second: int, neither: int) -> tuple[Answers, Answers]:
    """Return two lists of right and wrong answers, so many right in both, in one or in none."""
    counts = (both, first, second, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False] * 2, counts)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Altman, Machin, Bryant, Gardner: Statistics with Confidence (2000), chapter 6, table 6.2
        ((14, 5, 0, 22), 0.011, 0.226),
        # Fagerland, Lydersen, Laake: Recommended tests and confidence intervals for paired binomial
        # proportions, Statistics in Medicine 33 (2014), data of Bentur et al. 2009
        ((1, 1, 7, 12), -0.507, -0.026),
    ],
)
def test_published_examples_of_newcombes_method(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    one, other = answers(*counts)
    middle, found_low, found_high = paired_difference(other, one)
    assert middle == pytest.approx(100 * (counts[1] - counts[2]) / sum(counts))
    assert found_low / 100 == pytest.approx(low, abs=0.0005)
    assert found_high / 100 == pytest.approx(high, abs=0.0005)


def test_an_example_by_hand() -> None:
    """90 right in both, 4 in the first alone, 2 in the second alone, 4 in none, of 100.

    Wilson for 94/100: 0.87523...0.97221; for 92/100: 0.85002...0.95891. The correlation is
    (90 * 4 - 4 * 2 - 50) / sqrt(94 * 6 * 92 * 8) = 302 / 644.286 = 0.46874. Sides: below
    sqrt(0.06998^2 + 0.03221^2 - 2 * 0.46874 * 0.06998 * 0.03221) = 0.06182, above
    sqrt(0.03891^2 + 0.06477^2 - 2 * 0.46874 * 0.03891 * 0.06477) = 0.05785.
    """
    middle, low, high = paired_difference(*answers(90, 4, 2, 4))
    assert middle == pytest.approx(-2.0)
    assert middle - low == pytest.approx(6.182, abs=0.002)
    assert high - middle == pytest.approx(5.785, abs=0.002)


def test_no_change_has_a_width() -> None:
    """Where all 1000 answers are right, it is that of Wilson: z^2 / (n + z^2) = 0.3827 %.

    Where 900 stay right and 100 wrong, Wilson for 900/1000 is 0.87985...0.91709 and the correlation
    (90000 - 500) / 90000 = 0.99444: sqrt(0.02015^2 + 0.01709^2 - 2 * 0.99444 * 0.02015 * 0.01709)
    = 0.00363.
    """
    middle, low, high = paired_difference(*answers(1000, 0, 0, 0))
    assert (middle, low, high) == pytest.approx((0.0, -0.3827, 0.3827), abs=1e-4)
    middle, low, high = paired_difference(*answers(900, 0, 0, 100))
    assert (middle, low, high) == pytest.approx((0.0, -0.3633, 0.3633), abs=1e-3)


@pytest.mark.parametrize("right", [0.5, 0.9, 0.99])
def test_intervals_hold_the_difference_as_often_as_they_say(right: float) -> None:
    """2,000 sets of 200 images, of which the second answer changes 3 % to wrong and 2 % to right.

    An interval of 95 % that held it in fewer than 93.5 % of 2,000 sets would be off by three
    standard deviations; Newcombe's is known to be a little wide.
    """
    numbers = np.random.default_rng(3)
    held, true = 0, 100 * ((1 - right) * 0.02 - right * 0.03)
    for _ in range(2000):
        one = numbers.random(200) < right
        change = numbers.random(200)
        other = np.where(one, change >= 0.03, change < 0.02)
        _, low, high = paired_difference(one, other)
        held += low <= true <= high
    assert held / 2000 >= 0.935


def test_swapping_the_two_mirrors_the_interval() -> None:
    one, other = answers(50, 9, 4, 7)
    middle, low, high = paired_difference(one, other)
    assert paired_difference(other, one) == pytest.approx((-middle, -high, -low))
    assert low < middle < high
