"""Write the lists of variables into README.md and docker-compose.yml: `python -m gateway_zoo.settings`."""

from pathlib import Path

from gateway_zoo.settings import blocks
from gateway_zoo.settings.variables import BOTH, CONTAINERS, INTERNAL, VARIABLES


def readme_table() -> str:
    """Make the table of the README: all variables that a user sets."""
    rows = [
        f"| `{v.name}` | {v.default.strip('()')} | {v.where} | {v.meaning} |" for v in VARIABLES if v.where != INTERNAL
    ]
    return "\n".join(["| variable | default | where | meaning |", "|---|---|---|---|", *rows])


def compose_comment() -> str:
    """Make the comment of docker-compose.yml: the variables that count in containers."""
    rows = [v for v in VARIABLES if v.where in (BOTH, CONTAINERS)]
    return "\n".join(f"#   {v.name:20} {v.default.strip('()'):14} {v.meaning}" for v in rows)


#: File -> the line before a list, the list, the line behind it.
LISTS: blocks.Blocks = {
    "README.md": (
        "<!-- settings: written by `python -m gateway_zoo.settings` -->\n",
        readme_table,
        "\n<!-- /settings -->",
    ),
    "docker-compose.yml": (
        "# Set in the environment or in a file .env; all are optional (written by `python -m gateway_zoo.settings`):\n",
        compose_comment,
        "\n\nname:",
    ),
}


if __name__ == "__main__":
    blocks.write(Path(__file__).resolve().parents[2], LISTS)
