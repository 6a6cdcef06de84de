// One chart a vital, drawn from data beside it; the page's table of the same data is its equal.
//
//   <figure class="vital-chart" data-chart>           (or data-chart-url="/…json")
//     <script type="application/json">{
//       "label": "Blood pressure", "unit": "mmHg", "decimals": 0,
//       "zone": "Europe/Rome", "from": ms, "to": ms, "gap_ms": 129600000,
//       "texts": {"keys": "Arrow keys move from value to value", "none": "No values",
//                 "marks": {"late": "arrived late"}},
//       "series": [{"label": "Systolic", "points": [[ms, 132, ""], [ms, null, "HI"]]}],
//       "bands": [{"from": ms, "to": ms, "level": "outer", "above": 180},
//                 {"from": ms, "to": ms, "level": "inner", "above": 140, "below": null}],
//       "alerts": [{"at": ms, "priority": "high", "label": "Systolic above 180"}]
//     }</script>
//   </figure>
//
// Times are milliseconds UTC, shown in "zone" and the page's language. A band is the area beyond a
// limit while it is in force: above "above", or below "below". A point is time, value or null,
// and a mark: "LO" and "HI" are drawn at the edge, never as a number; any other mark
// ("late", "manual", …) puts a ring in the point's place and is read out with it. No line is drawn
// over more than "gap_ms". An alert is read out with the point of the same time. "from" and "to"
// are the period first shown; without them all points are.
import uPlot from "uplot";

import { formats, nearestPoint, table, timeRange, valueRange } from "./series.js";

const HEIGHT_PIXELS = 260;
const drawn = new WeakSet();

export function drawCharts(root) {
  for (const figure of root.querySelectorAll("[data-chart], [data-chart-url]")) {
    if (drawn.has(figure)) continue;
    drawn.add(figure);
    load(figure).then((data) => draw(figure, data));
  }
}

async function load(figure) {
  if (figure.dataset.chartUrl) {
    const answer = await fetch(figure.dataset.chartUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${figure.dataset.chartUrl}: ${answer.status}`);
    return answer.json();
  }
  return JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
}

function draw(figure, data) {
  const { columns, marks } = table(data);
  const format = formats(document.documentElement.lang || "it", data);
  if (columns[0].length === 0) {
    figure.append(element("p", "vital-chart-none", data.texts?.none ?? ""));
    return;
  }
  const plot = new uPlot(options(figure, data, columns, marks, format), columns, figure);
  if (data.from != null && data.to != null) {
    plot.setScale("x", { min: data.from / 1000, max: data.to / 1000 });
  }
  if (data.series.length > 1) figure.prepend(legend(data));
  const readout = element("p", "vital-chart-readout", "");
  readout.setAttribute("aria-hidden", "true"); // the slider's value text says the same
  figure.append(readout);
  new ResizeObserver(() => resize(plot, figure)).observe(figure);
  document.fonts.ready.then(() => plot.redraw());
  steer(plot, data, columns, marks, format, readout);
}

function options(figure, data, columns, marks, format) {
  const text = colour("--vicino-chart-text");
  const axis = { stroke: text, grid: { stroke: colour("--vicino-chart-grid"), width: 1 } };
  const font = "14px 'Titillium Web', sans-serif";
  return {
    width: Math.max(figure.clientWidth, 240),
    height: HEIGHT_PIXELS,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
    legend: { show: false },
    cursor: { sync: { key: "vitals", setSeries: false }, drag: { x: true, y: false } },
    scales: {
      x: { time: true, range: (_plot, low, high) => timeRange(low, high) },
      y: { range: () => valueRange(data, columns) },
    },
    axes: [
      { ...axis, font, values: (_plot, splits, _axis, _space, step) => format.ticks(splits, step) },
      { ...axis, font, size: 56, values: (_plot, splits, _axis, _space, step) => format.axis(splits, step) },
    ],
    series: [{}, ...data.series.map((_line, index) => lineOptions(index, data, marks))],
    hooks: {
      drawClear: [(plot) => drawBands(plot, data)],
      draw: [(plot) => drawMarks(plot, columns, marks), (plot) => drawAlerts(plot, data)],
    },
  };
}

function lineOptions(index, data, marks) {
  const stroke = colour(`--vicino-chart-line-${index + 1}`);
  const gapSeconds = (data.gap_ms ?? Infinity) / 1000;
  return {
    label: data.series[index].label,
    stroke,
    width: 2,
    dash: index === 1 ? [6, 3] : undefined, // never by colour alone
    points: {
      show: true,
      size: 7,
      filter: (_plot, _series, _show, _gaps) =>
        marks[index].flatMap((mark, at) => (mark === "" ? [at] : [])),
    },
    gaps: (plot, series, first, last, gaps) => {
      const times = plot.data[0];
      const values = plot.data[series];
      let before = null;
      for (let at = first; at <= last; at += 1) {
        if (values[at] == null) continue;
        if (before !== null && times[at] - times[before] > gapSeconds) {
          gaps.push([plot.valToPos(times[before], "x", true), plot.valToPos(times[at], "x", true)]);
        }
        before = at;
      }
      return gaps.sort((one, other) => one[0] - other[0]);
    },
  };
}

function drawBands(plot, data) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const band of data.bands ?? []) {
    const left = band.from == null ? bbox.left : plot.valToPos(band.from / 1000, "x", true);
    const right =
      band.to == null ? bbox.left + bbox.width : plot.valToPos(band.to / 1000, "x", true);
    const isAbove = band.above != null;
    const limit = plot.valToPos(isAbove ? band.above : band.below, "y", true);
    const edge = isAbove ? bbox.top : bbox.top + bbox.height;
    ctx.fillStyle = colour(`--vicino-band-${band.level}`);
    ctx.fillRect(left, Math.min(limit, edge), right - left, Math.abs(edge - limit));
    ctx.strokeStyle = colour(`--vicino-band-${band.level}-edge`);
    ctx.setLineDash(band.level === "outer" ? [] : [8, 4]);
    line(ctx, left, limit, right, limit);
  }
  ctx.restore();
}

function drawMarks(plot, columns, marks) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("--vicino-chart-text");
  ctx.font = `600 ${13 * devicePixelRatio}px 'Titillium Web', sans-serif`;
  ctx.textAlign = "center";
  marks.forEach((series, index) => {
    ctx.strokeStyle = colour(`--vicino-chart-line-${index + 1}`);
    ctx.lineWidth = 2 * devicePixelRatio;
    series.forEach((mark, at) => {
      const x = plot.valToPos(columns[0][at], "x", true);
      if (!mark || x < bbox.left || x > bbox.left + bbox.width) return;
      const value = columns[index + 1][at];
      if (mark === "HI") ctx.fillText("HI", x, bbox.top + 14 * devicePixelRatio);
      else if (mark === "LO") ctx.fillText("LO", x, bbox.top + bbox.height - 4 * devicePixelRatio);
      else if (value != null) ring(ctx, x, plot.valToPos(value, "y", true));
    });
  });
  ctx.restore();
}

function drawAlerts(plot, data) {
  const { ctx, bbox } = plot;
  const size = 6 * devicePixelRatio;
  ctx.save();
  for (const alert of data.alerts ?? []) {
    const x = plot.valToPos(alert.at / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(`--vicino-priority-${alert.priority}`);
    ctx.setLineDash([2, 3]);
    line(ctx, x, bbox.top, x, bbox.top + bbox.height);
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top);
    ctx.lineTo(x + size, bbox.top);
    ctx.lineTo(x, bbox.top + 1.6 * size);
    ctx.fill();
  }
  ctx.restore();
}

// The plot is a slider over its points: arrow keys, Home and End move, a screen reader hears each.
function steer(plot, data, columns, marks, format, readout) {
  const last = columns[0].length - 1;
  const slider = plot.over;
  let index = last;
  const attributes = {
    tabindex: "0", role: "slider", "aria-label": `${data.label}. ${data.texts?.keys ?? ""}`,
    "aria-valuemin": "0", "aria-valuemax": String(last),
  };
  for (const [name, text] of Object.entries(attributes)) slider.setAttribute(name, text);
  const say = () => {
    const text = format.point(data, columns, marks, index);
    slider.setAttribute("aria-valuenow", String(index));
    slider.setAttribute("aria-valuetext", text);
    readout.textContent = text;
  };
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -last, End: last };
  slider.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    index = Math.min(last, Math.max(0, index + steps[event.key]));
    const value = columns.slice(1).map((column) => column[index]).find((each) => each != null);
    const left = plot.valToPos(columns[0][index], "x");
    plot.setCursor({ left, top: value == null ? 0 : plot.valToPos(value, "y") }, true);
    say();
  });
  slider.addEventListener("mousemove", () => {
    index = nearestPoint(columns[0], plot.posToVal(plot.cursor.left, "x"));
    say();
  });
  say();
}

function legend(data) {
  const list = element("ul", "vital-chart-legend", "");
  data.series.forEach((line, index) => {
    list.append(element("li", `vital-chart-line-${index + 1}`, line.label));
  });
  return list;
}

function resize(plot, figure) {
  const width = Math.max(figure.clientWidth, 240);
  if (Math.abs(width - plot.width) > 1) plot.setSize({ width, height: HEIGHT_PIXELS });
}

function ring(ctx, x, y) {
  ctx.beginPath();
  ctx.arc(x, y, 4 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.stroke();
}

function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
