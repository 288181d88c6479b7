"""Measure the behaviour of every cell: `zoo traits`.

A trait is a file in the folder traits/ of the checkout: a question and its probe. This room finds the traits, starts a
zoo of its own for them, runs the probes and keeps the answers with their evidence.
"""
