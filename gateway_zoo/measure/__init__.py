"""Ask a running zoo and change nothing."""
