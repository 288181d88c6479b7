"""A recording in the browser, live."""
