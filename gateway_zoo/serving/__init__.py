"""The code that runs inside gateways.

A launcher in a cage imports it, so every gateway process pays for it. It imports the standard library and at most one
server library, and no other room of this package.
"""
