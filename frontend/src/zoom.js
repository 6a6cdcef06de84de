// All charts of a place show the same time: dragged in one of them, or moved by its buttons.
import { formats, timeRange } from "./series.js";

const HOUR_SECONDS = 3600;

export class Zoom {
  // "shared" has the whole period ("from", "to" in ms) and the zone.
  constructor(place, shared) {
    this.whole = [shared.from / 1000, shared.to / 1000];
    this.shown = this.whole;
    this.plots = [];
    this.format = formats(document.documentElement.lang || "it", shared);
    this.said = place.querySelector("[data-zoomed]");
    for (const button of place.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.show(...this.moved(button.dataset.zoom)));
    }
    const tools = place.querySelector(".chart-tools");
    if (tools) tools.hidden = false;
  }

  add(plot) {
    this.plots.push(plot);
    this.scale(plot);
  }

  // What was dragged over in one plot.
  select(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const ends = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.show(...ends);
  }

  moved(move) {
    const [low, high] = this.shown;
    const span = high - low;
    const steps = {
      in: [low + span / 4, high - span / 4],
      out: [low - span / 2, high + span / 2],
      earlier: [low - span / 2, high - span / 2],
      later: [low + span / 2, high + span / 2],
      all: this.whole,
    };
    return steps[move];
  }

  // Never beyond the period, and never less than an hour.
  show(low, high) {
    const [first, last] = this.whole;
    const span = Math.min(Math.max(high - low, HOUR_SECONDS), last - first);
    const start = Math.min(Math.max((low + high - span) / 2, first), last - span);
    this.shown = [start, start + span];
    for (const plot of this.plots) this.scale(plot);
    if (this.said) this.said.textContent = this.format.period(...this.shown);
  }

  scale(plot) {
    const [min, max] = timeRange(...this.shown);
    plot.setScale("x", { min, max });
  }
}
