"""`restart`: start the processes of one exhibit, or one front, again."""

from gateway_zoo.errors import fail, known_ids
from gateway_zoo.keeper import client, ready, state
from gateway_zoo.registry import plans, why_closed
from gateway_zoo.settings import Settings


def run(settings: Settings, name: str) -> int:
    """Restart the family of an exhibit, a helper, or a front; wait until its open cells answer."""
    plan = plans.make(settings)
    helpers = [family.id for family in plan.registry.families.values() if family.serves]
    known_ids([name], list(plan.registry.exhibits), (*settings.fronts, *helpers))
    exhibit = plan.registry.exhibits.get(name)
    service = plan.start_hint(name).split()[-1] if exhibit else name
    settings.only_natively(f"in containers: docker compose restart {service}")
    if not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it", 3)
    cells = [cell for cell in state.running_cells(settings) if name in (cell.exhibit, cell.front)]
    opened = [cell for cell in cells if cell.closed is None]
    if cells and not opened:
        why = why_closed.fronts(plan.registry, cells).get(name) or "it has no open exhibit in this start"
        fail(why_closed.sentence(exhibit, cells) if exhibit else f"{name} is closed: {why}", 3)
    family = plan.registry.family_of(name) if exhibit else None
    child = (family.id if family.command else family.runs_in) if family else name
    answer = client.ask(settings, {"do": "restart", "restart": child})
    if "error" in answer:
        fail(str(answer["error"]), 3)
    if ready.wait(plan, opened, client.STOP_S, lambda _: state.running(settings)):
        fail(f"{child} was restarted, but {name} does not answer; ./zoo logs {name}", 1)
    print(f"restarted {child}")
    return 0
