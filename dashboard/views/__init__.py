"""One file a page. A page only draws: it asks `dashboard.data` and hands rows to `dashboard.charts` and `parts`."""
