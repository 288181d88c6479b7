"""`zoo record` and `zoo replay`: a relay between fronts and gateways, and what becomes of what it hears."""
