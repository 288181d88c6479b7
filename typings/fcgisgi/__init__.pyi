"""Types for fcgisgi, which has none: only what the launcher touches."""
