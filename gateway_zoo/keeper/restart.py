"""Restart what a person names: the family of an exhibit, a helper, a front, or the visitor centre."""

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.keeper import client, ready, state
from gateway_zoo.registry import plans, why_closed
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings

CENTRE_S = 10.0  # until the visitor centre listens again
CENTRE = "centre"  # a child of the keeper as the fronts are, and no exhibit


def restart(settings: Settings, name: str) -> str:
    """Restart the family of an exhibit, a helper, a front, or the visitor centre; wait until it answers again. Returns
    the name of what was restarted. Raises Stop."""
    plan = plans.make(settings)
    helpers = [family.id for family in plan.registry.families.values() if family.serves]
    known_ids([name], list(plan.registry.exhibits), (*settings.fronts, *helpers, CENTRE))
    exhibit = plan.registry.exhibits.get(name)
    service = plan.start_hint(name).split()[-1] if exhibit else name
    settings.only_natively(f"in containers: docker compose restart {service}")
    if not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it", 3)
    if name == CENTRE and not settings.centre_port:
        fail("this zoo has no visitor centre: ZOO_CENTRE_PORT is 0", 3)
    cells = [cell for cell in state.running_cells(settings) if name in (cell.exhibit, cell.front)]
    opened = [cell for cell in cells if cell.closed is None]
    if cells and not opened:
        why = why_closed.fronts(plan.registry, cells).get(name) or "it has no open exhibit in this start"
        fail(why_closed.sentence(exhibit, cells) if exhibit else f"{name} is closed: {why}", 3)
    child = child_of(plan.registry, name)
    answer = client.ask(settings, {"do": "restart", "restart": child})
    if "error" in answer:
        fail(str(answer["error"]), 3)
    silent = ready.wait(plan, opened, client.STOP_S, lambda _: state.running(settings))
    if silent or (name == CENTRE and not ready.listens(f"127.0.0.1:{settings.centre_port}", CENTRE_S)):
        fail(f"{child} was restarted, but {name} does not answer; ./zoo logs {name}", 1)
    return child


def child_of(registry: Registry, name: str) -> str:
    """The child of the keeper that runs an exhibit, or a family: one inside Apache has no process of its own."""
    family = registry.family_of(name) if name in registry.exhibits else registry.families.get(name)
    return (family.id if family.command else family.runs_in) if family else name
