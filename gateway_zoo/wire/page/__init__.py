"""A recording in the browser, live: a process of its own that follows the file. `python -m gateway_zoo.wire.page`."""
