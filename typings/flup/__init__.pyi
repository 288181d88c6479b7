"""Types for flup 1.0.3, which has none: only what the launchers touch."""
