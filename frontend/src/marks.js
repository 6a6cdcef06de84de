// What is drawn on a plot beside its line: limits in force then, marks of points, alerts, events.
// Everything has a shape or a letter of its own; colour only repeats it.
import { colour } from "./elements.js";
import { SIGNS } from "./series.js";

const STARS = { high: "***", medium: "**", low: "*" };

export function drawBands(plot, data) {
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

export function drawMarks(plot, columns, marks) {
  const { ctx, bbox } = plot;
  ctx.save();
  begin(ctx, "center");
  marks.forEach((series, index) => {
    ctx.strokeStyle = colour(`--vicino-chart-line-${index + 1}`);
    ctx.lineWidth = 2 * devicePixelRatio;
    series.forEach((mark, at) => {
      const x = plot.valToPos(columns[0][at], "x", true);
      if (!mark || !isInside(bbox, x)) return;
      const [first, ...others] = mark.split("+");
      const value = columns[index + 1][at];
      const signs = others.map((each) => SIGNS[each] ?? "").join("");
      if (first === "HI") ctx.fillText(`HI${signs}`, x, bbox.top + 14 * devicePixelRatio);
      else if (first === "LO") ctx.fillText(`LO${signs}`, x, bbox.top + bbox.height - 4 * devicePixelRatio);
      else if (value != null) sign(ctx, first, x, plot.valToPos(value, "y", true));
    });
  });
  ctx.restore();
}

export function drawAlerts(plot, data) {
  const { ctx, bbox } = plot;
  const size = 6 * devicePixelRatio;
  ctx.save();
  begin(ctx, "left");
  for (const alert of data.alerts ?? []) {
    const x = plot.valToPos(alert.at / 1000, "x", true);
    if (!isInside(bbox, x)) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(`--vicino-priority-${alert.priority}`);
    ctx.setLineDash([2, 3]);
    line(ctx, x, bbox.top, x, bbox.top + bbox.height);
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top);
    ctx.lineTo(x + size, bbox.top);
    ctx.lineTo(x, bbox.top + 1.6 * size);
    ctx.fill();
    ctx.fillText(STARS[alert.priority] ?? "", x + size, bbox.top + 2.2 * size);
  }
  ctx.restore();
}

// Notes, plan versions, times away: a letter at the foot; the page's list says what each was.
export function drawEvents(plot, data) {
  const { ctx, bbox } = plot;
  const foot = bbox.top + bbox.height;
  ctx.save();
  begin(ctx, "center");
  ctx.strokeStyle = colour("--vicino-chart-text");
  for (const event of data.events ?? []) {
    const x = plot.valToPos(event.at / 1000, "x", true);
    if (!isInside(bbox, x)) continue;
    ctx.setLineDash(event.kind === "plan" ? [] : [1, 4]);
    line(ctx, x, bbox.top, x, foot - 16 * devicePixelRatio);
    ctx.fillText(event.sign, x, foot - 3 * devicePixelRatio);
  }
  ctx.restore();
}

function begin(ctx, align) {
  ctx.fillStyle = colour("--vicino-chart-text");
  ctx.font = `600 ${13 * devicePixelRatio}px 'Titillium Web', sans-serif`;
  ctx.textAlign = align;
}

function isInside(bbox, x) {
  return x >= bbox.left && x <= bbox.left + bbox.width;
}

// A shape for each mark, the same as its sign in the key; of several the first is the gravest.
function sign(ctx, mark, x, y) {
  const size = 5 * devicePixelRatio;
  const corners = {
    held: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
    late: [[0, -1.1], [1.1, 0.9], [-1.1, 0.9]],
    person: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  }[mark];
  ctx.beginPath();
  if (corners) corners.forEach(([dx, dy]) => ctx.lineTo(x + dx * size, y + dy * size));
  else ctx.arc(x, y, 0.9 * size, 0, 2 * Math.PI);
  ctx.closePath();
  ctx.stroke();
  if (!corners) ctx.fillText((SIGNS[mark] ?? "").slice(1), x + 2 * size, y + size);
}

function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
