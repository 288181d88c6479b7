"""`restart`: start the processes of one exhibit, of one front, or of the visitor centre again (keeper/restart.py)."""

from gateway_zoo.keeper.restart import restart
from gateway_zoo.settings import Settings


def run(settings: Settings, name: str) -> int:
    """Restart, and say what was restarted. Raises Stop."""
    print(f"restarted {restart(settings, name)}")
    return 0
