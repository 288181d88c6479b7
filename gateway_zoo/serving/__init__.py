"""What runs inside gateways: the standard library, and one server library at most."""
