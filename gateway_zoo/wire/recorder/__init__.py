"""`zoo record` and `zoo replay`, and the relay behind them."""
