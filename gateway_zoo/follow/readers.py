"""The reader of a front's configuration."""

from gateway_zoo.follow import apache_lines
from gateway_zoo.follow.lines import Reader
from gateway_zoo.settings import Settings, kind


def reader(settings: Settings, front: str) -> Reader:
    """Make the reader of this front. Raises Stop where its files cannot be read."""
    if kind(front) != "nginx":
        return apache_lines.Reader(settings, front)
    from gateway_zoo.follow import nginx_lines  # late: with crossplane, a megabyte

    return nginx_lines.Reader(settings)
