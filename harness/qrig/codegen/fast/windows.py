"""What a row kernel multiplies: a block of output rows, sliding over words of two lanes.

A row kernel computes, for every point t of a filter, a block of up to 8 rows of one output channel:
`product[t][p] = sum(U[t][channels][k] . V[t][channels][p + k])`, where `.` multiplies both 16-bit
lanes of two words and adds. A word of V holds two channels of one row; of an odd channel count the
last channel lies alone, with two rows to a word ("vertical" words: row r and r + 1), so that one
weight word serves two taps. Window words above and below the image are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from attrs import field, frozen

MAX_TAPS_AT_ONCE = 5
"""Weight words held in registers; taller kernels are split."""

MAX_ROWS_AND_TAPS = 9
"""Accumulators and weight words that fit the registers beside two data words and pointers."""


@frozen
class Mac:
    """One SMLAD: row `row` of the block, weight `tap` and window word `word` of its group."""

    row: int
    tap: int
    word: int


@frozen
class Group:
    """Weights that are loaded together, and the window words they meet.

    `words` are consecutive window words from `first_word`, the first at byte `offset` of V. A group
    reads `tap_count` weight words.
    """

    tap_count: int
    first_word: int
    word_count: int
    offset: int
    macs: tuple[Mac, ...] = field(repr=False)


@frozen
class RowKernel:
    """One row kernel: `rows` outputs of a window of `taps` rows.

    Window word x stands for row `start + x` of an image of `height` rows; `start` may be negative.
    `pairs` is the number of channel pairs, `odd` says whether a channel is left over, `points` how
    many products there are. V points at the first row of the window inside the image.
    """

    rows: int
    taps: int
    start: int
    height: int
    pairs: int
    odd: bool
    points: int

    @property
    def below(self) -> int:
        """Rows of the window that lie above the image."""
        return max(0, -self.start)

    @property
    def beyond(self) -> int:
        """Rows of the window that lie below the image."""
        return max(0, self.start + self.rows + self.taps - 1 - self.height)

    @property
    def key(self) -> tuple[int, ...]:
        """What tells this kernel's code from another's."""
        vertical = tuple((g.first_word, g.word_count) for g in self.vertical_groups())
        return (
            self.rows, self.taps, self.below, self.beyond, self.height, self.pairs, self.points,
            *(number for pair in vertical for number in pair),
        )  # fmt: skip

    @property
    def data_words(self) -> int:
        """Words of V from one point to the next."""
        return data_words(self.height, self.pairs, self.odd)

    @property
    def weight_words(self) -> int:
        """Words of U from one point to the next."""
        return weight_words(self.taps, self.pairs, self.odd)

    def pair_groups(self, pair: int) -> Iterator[Group]:
        """Yield the groups of channel pair `pair`, V offsets from the first pair's window."""
        limit = min(MAX_TAPS_AT_ONCE, MAX_ROWS_AND_TAPS - self.rows)
        parts = -(-self.taps // limit)
        bounds = [self.taps * part // parts for part in range(parts + 1)]
        for begin, end in pairwise(bounds):
            first = max(begin, self.below)
            stop = min(end - 1 + self.rows, self.rows + self.taps - 1 - self.beyond)
            offset = 4 * (pair * self.height + first - self.below)
            yield self._group(range(begin, end), 1, first, stop, offset)

    def vertical_groups(self) -> Iterator[Group]:
        """Yield the groups of the channel left over, if there is one."""
        if not self.odd:
            return
        words = -(-self.taps // 2)
        first = max(0, -self.start - 1)
        stop = min(self.rows + 2 * (words - 1), self.height - self.start)
        offset = 4 * (self.pairs * self.height + first + 1 - self.below)
        limit = min(MAX_TAPS_AT_ONCE, MAX_ROWS_AND_TAPS - self.rows)
        parts = -(-words // limit)
        bounds = [words * part // parts for part in range(parts + 1)]
        for begin, end in pairwise(bounds):
            low = max(first, 2 * begin)
            high = min(stop, 2 * (end - 1) + self.rows)
            yield self._group(range(begin, end), 2, low, high, offset + 4 * (low - first))

    def point_groups(self) -> list[Group]:
        """Return all groups of one point in the order of their weights."""
        groups = [group for pair in range(self.pairs) for group in self.pair_groups(pair)]
        return [*groups, *self.vertical_groups()]

    @property
    def point_cost(self) -> int:
        """About how many instructions a point takes on a Cortex-M4; all pairs take the same."""
        pair, last = self.pair_groups(0), self.vertical_groups()
        return self.pairs * sum(map(_group_cost, pair)) + sum(map(_group_cost, last))

    def _group(self, taps: range, step: int, first: int, stop: int, offset: int) -> Group:
        macs = tuple(
            Mac(word - step * tap, tap - taps.start, word)
            for word in range(first, stop)
            for tap in reversed(taps)
            if 0 <= word - step * tap < self.rows
        )
        return Group(len(taps), first, max(0, stop - first), offset, macs)


def _group_cost(group: Group) -> int:
    return len(group.macs) + 1 + -(-group.word_count // 2)


def data_words(height: int, pairs: int, odd: bool) -> int:
    """Return the words of V of one point: a column of every pair, and height + 1 vertical ones."""
    return pairs * height + (height + 1 if odd else 0)


def weight_words(taps: int, pairs: int, odd: bool) -> int:
    """Return the words of U of one point and output channel."""
    return pairs * taps + (-(-taps // 2) if odd else 0)
