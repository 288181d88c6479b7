"""`zoo wire`: one client for all gateway protocols, in the place of a front."""
