"""Measure the speed of cells, with errors, spread and a control: `zoo bench`.

Load comes from wrk and h2load only. A figure stands beside its interval; a difference that is not shown is named so.
"""
