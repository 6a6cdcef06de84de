// The charts of a page, drawn from one answer; the page's tables of the same data are their equal.
//
//   <div data-charts-url="/…/charts">
//     <div class="chart-tools" hidden><button data-zoom="in">…</button></div>   (see zoom.js)
//     <figure class="vital-chart" data-chart="systolic"></figure>
//   </div>
//
// The answer:
//
//   { "zone": "Europe/Rome", "from": ms, "to": ms,
//     "texts": {"keys": "Arrow keys move from value to value", "none": "No values"},
//     "events": [{"at": ms, "kind": "plan", "sign": "P", "label": "Plan version 2 in force"}],
//     "charts": {"systolic": {
//       "label": "Systolic", "unit": "mmHg", "decimals": 0, "gap_ms": 129600000,
//       "span": 40,
//       "marks": {"late": "(arrived late)"}, "key": {"late": "arrived late"},
//       "series": [{"label": "Systolic", "points": [[ms, 132, ""], [ms, null, "HI+held"]]}],
//       "bands": [{"from": ms, "to": ms, "level": "outer", "above": 180}],
//       "alerts": [{"at": ms, "priority": "high", "label": "Systolic above 180"}]}}}
//
// Times are milliseconds UTC, shown in "zone" and the page's language. A band is the area beyond a
// limit while it is in force: above "above", or below "below". A point is time, value or null, and
// its marks joined by +: LO and HI are drawn at the edge, never as a number; each other mark has a
// sign of its own (marks.js) and is read out with the value. No line is drawn over more than
// "gap_ms". The axis of values is at least "span" long. All charts show the same time.
import uPlot from "uplot";

import { drawAlerts, drawBands, drawEvents, drawMarks } from "./marks.js";
import { SIGNS, formats, nearestPoint, shownPoint, table, valueRange } from "./series.js";
import { Zoom } from "./zoom.js";
import { colour, element } from "./elements.js";

const HEIGHT_PIXELS = 260;
const drawn = new WeakSet();
export const zooms = [];

export function drawCharts(root) {
  for (const place of root.querySelectorAll("[data-charts-url]")) {
    if (drawn.has(place)) continue;
    drawn.add(place);
    load(place);
  }
}

async function load(place) {
  const answer = await fetch(place.dataset.chartsUrl, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${place.dataset.chartsUrl}: ${answer.status}`);
  const { charts, ...shared } = await answer.json();
  const zoom = new Zoom(place, shared);
  zooms.push(zoom);
  for (const figure of place.querySelectorAll("[data-chart]")) {
    const chart = charts[figure.dataset.chart];
    if (chart) draw(figure, { ...shared, ...chart }, zoom);
    else figure.append(element("p", "vital-chart-none", shared.texts.none));
  }
  place.dataset.drawn = "yes";
}

function draw(figure, data, zoom) {
  const { columns, marks } = table(data);
  const format = formats(document.documentElement.lang || "it", data);
  const plot = new uPlot(options(figure, data, columns, marks, zoom), columns, figure);
  zoom.add(plot);
  if (data.series.length > 1) figure.prepend(legend(data));
  const readout = element("p", "vital-chart-readout", "");
  readout.setAttribute("aria-hidden", "true"); // the slider's value text says the same
  figure.append(readout);
  if (Object.keys(data.key).length > 0) figure.append(key(data));
  new ResizeObserver(() => resize(plot, figure)).observe(figure);
  document.fonts.ready.then(() => plot.redraw());
  steer(plot, data, columns, marks, format, readout);
}

function options(figure, data, columns, marks, zoom) {
  const text = colour("--vicino-chart-text");
  const axis = { stroke: text, grid: { stroke: colour("--vicino-chart-grid"), width: 1 } };
  const font = "14px 'Titillium Web', sans-serif";
  const { axis: values, ticks } = formats(document.documentElement.lang || "it", data);
  return {
    width: Math.max(figure.clientWidth, 240),
    height: HEIGHT_PIXELS,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
    legend: { show: false },
    cursor: { sync: { key: "vitals", setSeries: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: (_plot, low, high) => [low, high] },
      y: { range: () => valueRange(data, columns) },
    },
    axes: [
      { ...axis, font, values: (_plot, splits, _axis, _space, step) => ticks(splits, step) },
      { ...axis, font, size: 56, values: (_plot, splits, _axis, _space, step) => values(splits, step) },
    ],
    series: [{}, ...data.series.map((_line, index) => lineOptions(index, data, marks))],
    hooks: {
      drawClear: [(plot) => drawBands(plot, data)],
      draw: [
        (plot) => drawEvents(plot, data),
        (plot) => drawMarks(plot, columns, marks),
        (plot) => drawAlerts(plot, data),
      ],
      setSelect: [(plot) => zoom.select(plot)],
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
    const text = index === null ? data.texts.none : format.point(data, columns, marks, index);
    slider.setAttribute("aria-valuenow", String(index ?? last));
    slider.setAttribute("aria-valuetext", text);
    readout.textContent = text;
  };
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -last, End: last };
  slider.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    index = Math.min(last, Math.max(0, (index ?? last) + steps[event.key]));
    const value = columns.slice(1).map((column) => column[index]).find((each) => each != null);
    const left = plot.valToPos(columns[0][index], "x");
    plot.setCursor({ left, top: value == null ? 0 : plot.valToPos(value, "y") }, true);
    say();
  });
  slider.addEventListener("mousemove", () => {
    index = nearestPoint(columns[0], plot.posToVal(plot.cursor.left, "x"));
    say();
  });
  // What is read out is in sight: a value of another month beside this one would mislead.
  plot.hooks.setScale = [
    (_plot, key) => {
      if (key !== "x") return;
      index = shownPoint(columns[0], index, plot.scales.x);
      say();
    },
  ];
  say();
}

function legend(data) {
  const list = element("ul", "vital-chart-legend", "");
  data.series.forEach((line, index) => {
    list.append(element("li", `vital-chart-line-${index + 1}`, line.label));
  });
  return list;
}

// What the signs in the plot mean: only those that are in it.
function key(data) {
  const list = element("ul", "vital-chart-key", "");
  for (const [mark, text] of Object.entries(data.key)) {
    list.append(element("li", "", `${SIGNS[mark]} ${text}`));
  }
  return list;
}

function resize(plot, figure) {
  const width = Math.max(figure.clientWidth, 240);
  if (Math.abs(width - plot.width) > 1) plot.setSize({ width, height: HEIGHT_PIXELS });
}
