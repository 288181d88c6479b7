"""`zoo wire`: one client for all gateway protocols. It takes the front's place, and says what a front would say."""
