"""Reports: the store of results, tables, plots and the HTML page.

`load` returns all runs as tables for pandas, `query` asks them in SQL where DuckDB is installed.
Both are imported when they are first used, for pandas takes its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qrig.reports.load_tables import load, query

__all__ = ["load", "query"]


def __getattr__(name: str) -> Any:
    """Return `load` or `query`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qrig.reports import load_tables

    return getattr(load_tables, name)
