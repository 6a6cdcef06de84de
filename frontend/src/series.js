// The numbers behind a chart: aligned columns, the range of its axis, and its words.

const DAY_SECONDS = 86_400;

// What stands in the plot and its key for a mark of a point; LO and HI stand for themselves.
export const SIGNS = { held: "◇", unsure: "○?", late: "△", person: "□", flagged: "○!" };

// Columns for uPlot (seconds, then one a series) and the mark of each point of each series.
// undefined is "nothing of this series at this time", null is a point without a number.
export function table(data) {
  const lines = data.series.map((line) => new Map(line.points.map((point) => [point[0], point])));
  const times = [...new Set(lines.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  const values = lines.map((line) => times.map((time) => line.get(time)?.[1]));
  const marks = lines.map((line) => times.map((time) => mark(line.get(time))));
  return { columns: [times.map((time) => time / 1000), ...values], marks };
}

function mark(point) {
  return point === undefined ? null : (point[2] ?? "");
}

// All values and all limits are in sight: a limit beyond the axis would look like calm.
export function valueRange(data, columns) {
  const values = columns.slice(1).flat();
  const limits = (data.bands ?? []).map((band) => band.above ?? band.below);
  const seen = [...values, ...limits].filter((value) => value != null);
  if (seen.length === 0) return [0, 1];
  const low = Math.min(...seen);
  const high = Math.max(...seen);
  const margin = Math.max((high - low) * 0.08, ((data.span ?? 1) - (high - low)) / 2);
  return [low - margin, high + margin];
}

// No point is cut by the edge, and one alone stands in the middle of a day.
export function timeRange(low, high) {
  const margin = low < high ? (high - low) * 0.015 : DAY_SECONDS / 2;
  return [low - margin, high + margin];
}

export function nearestPoint(times, time) {
  let best = 0;
  times.forEach((each, at) => {
    if (Math.abs(each - time) < Math.abs(times[best] - time)) best = at;
  });
  return best;
}

// The point that is read out while "min" to "max" are shown: the same, or the last of those, or none.
export function shownPoint(times, index, { min, max }) {
  const inside = (at) => times[at] >= min && times[at] <= max;
  if (index !== null && inside(index)) return index;
  const shown = times.findLastIndex((_time, at) => inside(at));
  return shown < 0 ? null : shown;
}

// Numbers and times in the page's language and the patient's zone.
export function formats(language, data) {
  const digits = data.decimals ?? 0;
  const zone = { timeZone: data.zone, hourCycle: "h23" };
  const make = (more) => new Intl.DateTimeFormat(language, { ...zone, ...more });
  const day = make({ day: "numeric", month: "short" });
  const month = make({ month: "short", year: "numeric" });
  const hour = make({ hour: "2-digit", minute: "2-digit" });
  const full = make({ dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.NumberFormat(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: Math.max(digits, 3),
  });

  // As many digits as the step between two labels has: no label stands twice.
  function axis(splits, step) {
    const own = Math.min(Math.max(0, Math.ceil(-Math.log10(step))), 6);
    const finer = step * 10 ** own % 1 > 1e-6 ? own + 1 : own;
    const loose = new Intl.NumberFormat(language, {
      minimumFractionDigits: finer,
      maximumFractionDigits: finer,
    });
    return splits.map((value) => loose.format(value));
  }

  function tick(seconds, step) {
    if (step >= 28 * DAY_SECONDS) return month.format(seconds * 1000);
    return (step >= DAY_SECONDS ? day : hour).format(seconds * 1000);
  }

  // The day stands under the first time of each day, once.
  function ticks(splits, step) {
    let shown = "";
    return splits.map((seconds) => {
      const date = day.format(seconds * 1000);
      const isNew = step < DAY_SECONDS && date !== shown;
      shown = date;
      return isNew ? `${tick(seconds, step)}\n${date}` : tick(seconds, step);
    });
  }

  function point(chart, columns, marks, index) {
    const said = chart.series.flatMap((line, at) => {
      const value = columns[at + 1][index];
      const note = chart.marks?.[marks[at][index]] ?? marks[at][index];
      if (value == null && !note) return [];
      const number = value == null ? "" : `${exact.format(value)} ${chart.unit}`;
      return [[line.label, number, note].filter(Boolean).join(" ")];
    });
    const time = columns[0][index] * 1000;
    const alerts = (chart.alerts ?? []).filter((alert) => alert.at === time);
    const parts = [...said, ...alerts.map((alert) => alert.label)];
    return `${full.format(time)} – ${parts.join(", ")}`;
  }

  const period = (low, high) => full.formatRange(low * 1000, high * 1000);

  return { axis, ticks, point, period };
}
