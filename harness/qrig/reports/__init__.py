"""Reports: the store of results, tables, plots and the HTML page."""
