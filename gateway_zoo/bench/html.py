"""A report as one HTML file: charts, tables, and the JSON itself to download. No script, nothing of another origin.

The charts are SVG whose places are shares of the width, so that they fit a projector, a phone and paper alike.
"""

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path

import msgspec

from gateway_zoo.bench import charts, document
from gateway_zoo.bench.charts import Chart, Lane, Mark
from gateway_zoo.bench.document import Table
from gateway_zoo.bench.records import Report

STYLE = Path(__file__).with_name("report.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
#: The shape of each series, around 0: colours alone would be lost on paper and on some eyes.
SHAPES = (
    '<circle r="6"/>',
    '<rect x="-5.5" y="-5.5" width="11" height="11"/>',
    '<path d="M0 -8 L8 0 L0 8 L-8 0 Z"/>',
)
ROW_PX = 24  # of each series in a lane


def of(report: Report) -> str:
    """Return the whole page."""
    page = document.of(report)
    data = base64.b64encode(msgspec.json.encode(report)).decode("ascii")
    body = [
        f"<h1>{escape(page.title)}</h1>",
        *(f'<p class="fact">{escape(fact)}</p>' for fact in page.facts),
        *(f'<p class="warning"><strong>Warning:</strong> {escape(warning)}</p>' for warning in page.warnings),
        f'<p class="download"><a download="zoo-bench.json" href="data:application/json;base64,{data}">'
        "Download the measured data (JSON)</a></p>",
        *map(_chart, charts.of(report)),
        *map(_table, page.tables),
        "<h2>How to read it</h2>",
        f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in page.notes)}</ul>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(page.title)} · Gateway Zoo</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n"
        "</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def _table(table: Table) -> str:
    kinds = [' class="number"' if column.right else ' class="text"' if column.least else "" for column in table.columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.name)}</th>' for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(f'<td{kind}>{escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>\n"
        for row in table.rows
    )
    name = escape(table.title)
    return (
        f'<section><h2>{name}</h2><div class="wide" tabindex="0" role="region" aria-label="{name}">'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div></section>"
    )


def _chart(chart: Chart) -> str:
    height = ROW_PX * (1 if chart.joined else len(chart.series))
    legend = "".join(
        f'<span class="s{number}"><svg width="20" height="20" aria-hidden="true">{_placed(0.5, 10, shape)}</svg>'
        f" {escape(name)}</span>"
        for number, (name, shape) in enumerate(zip(chart.series, SHAPES, strict=False))
    )
    return (
        f'<figure class="chart"><figcaption><h2>{escape(chart.title)}</h2><p class="legend">{legend}'
        "<span>— 95 % interval, where there is one</span><span>· a round (○ its control moved)</span></p>"
        "</figcaption>\n"
        + "\n".join(_lane(chart, lane, height) for lane in chart.lanes)
        + f'\n<div class="lane axis"><b></b><svg height="26" aria-hidden="true">{"".join(_ticks(chart))}</svg>'
        f'<span></span></div><p class="unit">{escape(chart.axis)}; logarithmic</p></figure>'
    )


def _lane(chart: Chart, lane: Lane, height: int) -> str:
    parts = [f'<line class="grid" x1="{_x(tick.at)}" x2="{_x(tick.at)}" y1="0" y2="{height}"/>' for tick in chart.ticks]
    if chart.line is not None:
        parts.append(f'<line class="same" x1="{_x(chart.line)}" x2="{_x(chart.line)}" y1="0" y2="{height}"/>')
    if chart.joined and len(lane.marks) > 1:
        ends = f'x1="{_x(lane.marks[0].at)}" x2="{_x(lane.marks[-1].at)}"'
        parts.append(f'<line class="joint" {ends} y1="{height // 2}" y2="{height // 2}"/>')
    for mark in lane.marks:
        y = ROW_PX // 2 + (0 if chart.joined else mark.series * ROW_PX)
        parts.append(f'<g class="s{mark.series}">{"".join(_mark(mark, y))}</g>')
    return (
        f'<div class="lane"><b>{escape(lane.name)}</b><svg height="{height}" aria-hidden="true">{"".join(parts)}</svg>'
        f"<span>{escape(lane.sentence)}</span></div>"
    )


def _mark(mark: Mark, y: int) -> Iterator[str]:
    if mark.low is not None and mark.high is not None:
        yield f'<line class="interval" x1="{_x(mark.low)}" x2="{_x(mark.high)}" y1="{y}" y2="{y}"/>'
        for end in (mark.low, mark.high):
            yield f'<line class="interval" x1="{_x(end)}" x2="{_x(end)}" y1="{y - 6}" y2="{y + 6}"/>'
    yield _placed(mark.at, y, SHAPES[mark.series % len(SHAPES)])
    for kind, places in (("round", mark.rounds), ("moved", mark.moved)):
        yield from (f'<circle class="{kind}" cx="{_x(at)}" cy="{y + 8}" r="2.5"/>' for at in places)


def _placed(at: float, y: int, shape: str) -> str:
    """A shape around a place: an inner svg, because a path knows no shares."""
    return f'<svg class="mark" x="{_x(at)}" y="{y}" overflow="visible">{shape}</svg>'


def _ticks(chart: Chart) -> Iterator[str]:
    for tick in chart.ticks:
        yield f'<text x="{_x(tick.at)}" y="18">{escape(tick.text)}</text>'


def _x(share: float) -> str:
    return f"{share * 100:.2f}%"
