// How an estimate converges: its value and 95 % band over the work done, as an SVG that is
// drawn again at each change.

import { element } from "./svg.js";
import { fill, percent } from "./words.js";

const HEIGHT = 240;
const PAD = { top: 12, right: 12, bottom: 28 };
const POINTS_MAX = 600;
const ROWS = 32;
const SETTLED = 0.15;  // the first part of the way, where the band is wild, sets no scale
const STEPS = [1, 2, 2.5, 5, 10];
const DIGITS_MAX = 12;

export class Chart {
  constructor(root) {
    this.root = root;
    this.total = Number(root.dataset.total);
    this.place = root.querySelector(".chart");
    this.points = [];
    this.readout = root.querySelector('[data-show="readout"]');
    this.caption = this.readout.textContent;
    this.at = null;
    this.svg = element("svg", { role: "img", tabindex: 0, height: HEIGHT,
      "aria-label": "nothing to estimate from yet" });
    this.place.append(this.svg);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.read(null));
    this.svg.addEventListener("blur", () => this.read(null));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.place);
    this.load();
  }

  async load() {
    const reply = await fetch(this.root.dataset.history).catch(() => null);
    if (!reply?.ok) return;
    const { samples } = await reply.json();
    this.merge(samples);
  }

  add(job) {
    this.merge([job]);
  }

  merge(samples) {
    const known = new Map(this.points.map((point) => [point.done, point]));
    for (const { done_units: done, estimate } of samples) {
      if (estimate) known.set(done, { done, share: done / this.total, ...estimate });
    }
    this.points = [...known.values()].sort((a, b) => a.done - b.done);
    if (this.points.length > POINTS_MAX) {
      this.points = this.points.filter((_, i) => i % 2 || i === this.points.length - 1);
    }
    this.draw();
    this.table();
  }

  // Least and greatest value shown: around the last one, as wide as the band was once it settled.
  scale() {
    const last = this.points.at(-1);
    const settled = this.points.slice(Math.floor(this.points.length * SETTLED));
    const away = settled.map((point) =>
      Math.max(Math.abs(point.low - last.value), Math.abs(point.high - last.value)));
    const reach = (Math.max(...away) || Math.abs(last.value) || 1) * 1.1;
    return [last.value - reach, last.value + reach];
  }

  draw() {
    const width = this.place.clientWidth;
    this.svg.replaceChildren();
    this.svg.setAttribute("width", width);
    if (!this.points.length || !width) return;
    const [low, high] = this.scale();
    const { step, digits } = ticks(low, high);
    const left = 16 + 7.5 * (digits + String(Math.trunc(high)).length + 1);
    this.x = (share) => left + share * (width - left - PAD.right);
    const span = HEIGHT - PAD.top - PAD.bottom;
    this.y = (value) => PAD.top + (1 - (value - low) / (high - low)) * span;
    this.grid(low, high, step, digits, left, width);
    this.curve(left, width, span);
    const last = this.points.at(-1);
    this.svg.setAttribute("aria-label", `${last.name} over the work done: at `
      + `${percent(last.share)} it is ${last.value.toPrecision(8)}, 95 % sure between `
      + `${last.low.toPrecision(8)} and ${last.high.toPrecision(8)}`);
    this.mark();
  }

  grid(low, high, step, digits, left, width) {
    for (let n = Math.ceil(low / step); n * step <= high; n += 1) {
      const y = this.y(n * step);
      this.put("line", { x1: left, x2: width - PAD.right, y1: y, y2: y, class: "rule" });
      this.put("text", { x: left - 8, y: y + 4, class: "tick end" }, (n * step).toFixed(digits));
    }
    for (const share of width < 420 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]) {
      const side = share === 1 ? "end" : share ? "middle" : "";
      this.put("text", { x: this.x(share), y: HEIGHT - 8, class: `tick ${side}` },
        `${share * 100} %`);
    }
  }

  curve(left, width, span) {
    const clip = this.put("clipPath", { id: "chart-inside" });
    clip.append(element("rect", { x: left, y: PAD.top, width: width - left - PAD.right,
      height: span }));
    const inside = this.put("g", { "clip-path": "url(#chart-inside)" });
    const line = (part, points) =>
      points.map((point) => `${this.x(point.share)},${this.y(point[part])}`).join(" ");
    const back = [...this.points].reverse();
    const band = `${line("high", this.points)} ${line("low", back)}`;
    const last = this.points.at(-1);
    const now = this.y(last.value);
    inside.append(
      element("polygon", { points: band, class: "band" }),
      element("line", { x1: left, x2: width, y1: now, y2: now, class: "now" }),
      element("polyline", { points: line("value", this.points), class: "value" }),
    );
    if (this.points.length === 1) {
      const x = this.x(last.share) - 1.5;
      inside.append(element("line", { x1: x, x2: x, y1: this.y(last.low), y2: this.y(last.high),
        class: "value" }));
    }
    this.put("circle", { cx: this.x(last.share), cy: now, r: 4, class: "dot" });
  }

  put(name, attributes, text = "") {
    const node = element(name, attributes, text);
    this.svg.append(node);
    return node;
  }

  // Reading single points: by pointer, or by arrow keys.
  point(event) {
    if (!this.points.length) return;
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    const away = this.points.map((point) => Math.abs(this.x(point.share) - x));
    this.read(away.indexOf(Math.min(...away)));
  }

  key(event) {
    const last = this.points.length - 1;
    const from = this.at ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.read(Math.min(Math.max(to, 0), last));
  }

  read(index) {
    this.at = index;
    const point = index === null ? null : this.points[index];
    this.readout.textContent = point
      ? `at ${percent(point.share)}: ${point.value.toFixed(8)}, `
        + `95 % sure ${point.low.toFixed(8)} to ${point.high.toFixed(8)}` : this.caption;
    this.mark();
  }

  mark() {
    this.svg.querySelector(".mark")?.remove();
    const point = this.at === null ? null : this.points[this.at];
    if (!point) return;
    const x = this.x(point.share);
    this.put("line", { x1: x, x2: x, y1: PAD.top, y2: HEIGHT - PAD.bottom, class: "mark" });
  }

  // The same as a table, thinned as the server thins it.
  table() {
    const step = Math.ceil(this.points.length / ROWS) || 1;
    const kept = this.points.filter((_, i) => (this.points.length - 1 - i) % step === 0);
    fill(this.root.querySelector("tbody"), kept.map((point) => [percent(point.share),
      ...[point.value, point.low, point.high].map((n) => n.toFixed(10))]));
  }
}

function ticks(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.find((factor) => factor * power >= rough) * power;
  const digits = Math.max(0, Math.ceil(-Math.log10(step) + (step / power === 2.5 ? 0.5 : 0)));
  return { step, digits: Math.min(digits, DIGITS_MAX) };
}
