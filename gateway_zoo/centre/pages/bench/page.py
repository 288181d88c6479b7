"""A quick benchmark of a few cells, run in the background, and its report: charts, tables, the JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway_zoo.bench import cells, charts, document, tools
from gateway_zoo.bench.charts import Chart
from gateway_zoo.bench.document import Document
from gateway_zoo.bench.plan import QUICK_CELLS
from gateway_zoo.centre.bench_job import BUSY, Job
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Page, Refused
from gateway_zoo.errors import Stop

NONE = "nothing was measured yet"


class Bench(msgspec.Struct, frozen=True):
    """`fronts`: front -> its open exhibits, those that are chosen first are `typical`. `missing`: the sentence with the
    cure where a tool is missing; empty: nothing is. `most`: cells at once. `words`: the last report in sentences."""

    fronts: dict[str, list[str]]
    typical: dict[str, list[str]]
    most: int
    missing: str
    job: Job
    words: list[str]


class Shown(msgspec.Struct, frozen=True):
    """The last report, as a document and charts."""

    document: Document
    charts: list[Chart]


def data(context: Context, _: Mapping[str, str]) -> Bench:
    """What can be measured, and how far the job is."""
    fronts: dict[str, list[str]] = {}
    for cell in context.cells():
        if cell.closed is None:
            fronts.setdefault(cell.front, []).append(cell.exhibit)
    typical = {front: cells.typical(context.cells(), front, QUICK_CELLS) for front in fronts}
    return Bench(fronts, typical, QUICK_CELLS, _missing(context), context.bench.state(), _words(context))


def _words(context: Context) -> list[str]:
    report = context.bench.report
    if not report:
        return []

    def sentences() -> list[str]:
        lanes = [(chart.title, lane) for chart in charts.of(report) for lane in chart.lanes]
        return [document.title(report), *report.warnings, *(f"{title}: {e.name}: {e.sentence}" for title, e in lanes)]

    return context.once(f"bench {context.bench.state().number}", 3600.0, sentences)


def _missing(context: Context) -> str:
    try:
        tools.find(context.settings.compose)
    except Stop as problem:
        return problem.text
    return ""


def run(context: Context, given: Mapping[str, Any]) -> Job:
    """Begin. `{"ids": ["wsgi", …], "front": "nginx", "busy": false}`."""
    ids, front, busy = given.get("ids"), given.get("front"), given.get("busy", False)
    if not isinstance(ids, list) or not isinstance(front, str) or not isinstance(busy, bool):
        raise Refused('expected "ids": a list of exhibits, "front": a name, "busy": true or false')
    opened = [cell.exhibit for cell in context.cells() if cell.closed is None and cell.front == front]
    if unknown := [id for id in ids if id not in opened]:
        raise Refused(f"{str(unknown[0])[:80]!a} is not open behind {front[:80]!a}")
    if missing := _missing(context):
        raise Refused(missing, BUSY)
    context.bench.start(list(dict.fromkeys(ids)), front, busy)
    return context.bench.state()


def stop(context: Context, _: Mapping[str, Any]) -> Job:
    """End it; what was measured stays."""
    context.bench.stop()
    return context.bench.state()


def routes(context: Context) -> Sequence[Route]:
    """The last report to draw, and the whole of it to keep."""

    async def shown(_: Request) -> Response:
        report = context.bench.report
        drawn = report and Shown(document.of(report), charts.of(report))
        return Response(msgspec.json.encode(drawn), media_type="application/json")

    async def whole(_: Request) -> Response:
        report = context.bench.report
        if not report:
            return PlainTextResponse(f"{NONE}\n", 404)
        name = {"Content-Disposition": 'attachment; filename="zoo-bench.json"'}
        return Response(msgspec.json.encode(report), media_type="application/json", headers=name)

    return Route("/api/bench/shown", shown), Route("/api/bench/report.json", whole)


def text(bench: Bench) -> str:
    """How far the job is."""
    job = bench.job
    lines = [bench.missing] if bench.missing else []
    if job.runs:
        lines.append(f"a benchmark is under way: {job.text}, {job.share:.0%} done")
    lines += [job.why] if job.why else []
    lines += [f"{front}: {' '.join(ids)}" for front, ids in bench.fronts.items()]
    return "\n".join([*lines, *bench.words, ""])


PAGE = Page("/bench", "Benchmark", data, text, order=7, actions={"run": run, "stop": stop}, routes=routes)
