"""`zoo wire`: one client for all gateway protocols."""
