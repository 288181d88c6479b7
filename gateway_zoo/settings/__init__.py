"""Settings of a zoo, read from the environment once.

record.py has the settings, variables.py the table of environment variables. Each default is right for one zoo on one
machine; each zoo of a test has values of its own.
"""

from gateway_zoo.settings.record import EXTRA_APACHES, MAX_SOCKET_PATH, Settings, SettingsError, kind, user_of_the_zoo
from gateway_zoo.settings.variables import VARIABLES, environment, port_variable, read_settings

__all__ = [
    "EXTRA_APACHES",
    "MAX_SOCKET_PATH",
    "VARIABLES",
    "Settings",
    "SettingsError",
    "environment",
    "kind",
    "port_variable",
    "read_settings",
    "user_of_the_zoo",
]
