"""A recording in the browser, live: a process that follows the file (`python -m gateway_zoo.wire.page`)."""
