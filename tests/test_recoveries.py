"""What it took to measure, as a table and as sentences."""

from qrig.reports.recoveries import recoveries_grid, recoveries_text

QUIET = {
    "target": "a@qemu",
    "network": "n",
    "requests": 90,
    "resends": 0,
    "hangs": [],
    "flashed": 1,
}
BUSY = QUIET | {"target": "b@probe", "resends": 3, "hangs": ["where it was"], "flash_retries": 1}


def test_nothing_out_of_the_ordinary_is_nothing() -> None:
    assert recoveries_grid([]) is None
    assert recoveries_grid([QUIET]) is None
    assert recoveries_text([QUIET]) == ()


def test_everything_else_is_counted() -> None:
    grid = recoveries_grid([QUIET, BUSY])
    assert grid is not None
    names = [cell.text for cell in grid.headings]
    assert names == ["network", "target", "resends", "hangs", "flash retries"]
    assert [[cell.text for cell in row] for row in grid.rows] == [
        ["n", "a@qemu", "0", "0", "0"],
        ["n", "b@probe", "3", "1", "1"],
    ]
    assert recoveries_text([QUIET, BUSY]) == ("n on b@probe: resends 3, hangs 1, flash retries 1",)
