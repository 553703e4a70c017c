// Who worked when on a job: a row for each worker, a bar for each chunk from lending to its end, as
// an SVG that is drawn again at each change. Bars of one kind are one path, so thousands cost
// little.

import { element } from "./svg.js";
import { serverRestarted, fill, grouped, inWords, percent } from "./words.js";

const LIMIT = 1000;
const LOOK_MS = 1000;
const BARS_MAX = 2000;
const ROWS_MAX = 40;
const PAD = { top: 4, right: 12, bottom: 28 };
const ROW = { least: 12, most: 28, all: 320 };
const CHAR = 8;
const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200,
  14400, 28800, 86400];

export class Timeline {
  constructor(root) {
    this.root = root;
    this.began = Date.parse(root.dataset.began);
    this.unitHolds = Number(root.dataset.unitHolds);
    this.noun = root.dataset.noun;
    this.place = root.querySelector(".gantt");
    this.readout = root.querySelector('[data-show="readout"]');
    this.plainCaption = this.caption = this.readout.textContent;
    this.ends = new Map([...root.querySelectorAll(".legend li")].map((line) =>
      [line.dataset.end, line.textContent.trim()]));
    this.bars = [];
    this.shares = new Map();
    this.after = "";
    this.at = null;
    this.svg = element("svg", { role: "img", tabindex: 0, height: 0,
      "aria-label": "no chunk has ended yet" });
    this.place.append(this.svg);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.read(null));
    this.svg.addEventListener("blur", () => this.read(null));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.place);
    this.load();
  }

  // Ask for new chunks, if that was not just done.
  look() {
    if (performance.now() - this.asked >= LOOK_MS) this.load();
  }

  // All chunks that are not here yet; a call in the middle of another makes that look once more.
  async load() {
    this.asked = performance.now();
    this.again = this.loading;
    if (this.loading) return;
    this.loading = true;
    const found = await this.next().catch(() => []);
    this.loading = false;
    if (found.length) this.add(found);
    if (found.length === LIMIT || this.again) await this.load();
  }

  async next() {
    const after = this.after ? `&after=${this.after}` : "";
    const reply = await fetch(`${this.root.dataset.chunks}?limit=${LIMIT}${after}`);
    return reply.ok ? (await reply.json()).chunks : [];
  }

  add(chunks) {
    if (serverRestarted(this.after, chunks[0].id)) {
      this.bars = [];
      this.shares.clear();
    }
    this.after = chunks.at(-1).id;
    for (const chunk of chunks) {
      const share = this.shares.get(chunk.worker) ?? { chunks: 0, units: 0, busy: 0 };
      share.chunks += 1;
      share.units += chunk.stop - chunk.start;
      share.busy += chunk.busy_s;
      this.shares.set(chunk.worker, share);
      const [from, to] = [chunk.lent_at, chunk.ended_at].map((at) => Date.parse(at) - this.began);
      this.bars.push({ ...chunk, from, to });
    }
    this.bars.splice(0, this.bars.length - BARS_MAX);
    if (!this.bars.includes(this.at)) this.at = null;
    this.draw();
    this.table();
  }

  draw() {
    const width = this.place.clientWidth;
    this.svg.replaceChildren();
    if (!this.bars.length || !width) return;
    const latest = new Set(this.bars.map((bar) => bar.worker).reverse());
    this.names = [...latest].slice(0, ROWS_MAX).sort();
    this.row = new Map(this.names.map((name, row) => [name, row]));
    this.high = Math.min(Math.max(ROW.all / this.names.length, ROW.least), ROW.most);
    const longest = Math.max(...this.names.map((name) => name.length));
    const left = Math.min(CHAR * longest + 12, width * 0.3);
    const from = Math.min(...this.bars.map((bar) => bar.from));
    const to = Math.max(...this.bars.map((bar) => bar.to), from + 1);
    this.x = (at) => left + ((at - from) / (to - from)) * (width - left - PAD.right);
    this.y = (row) => PAD.top + row * this.high;
    const height = this.y(this.names.length) + PAD.bottom;
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.frame(left, width, height, from / 1000, to / 1000);
    for (const end of this.ends.keys()) this.path(end);
    const count = this.bars.filter((bar) => this.row.has(bar.worker)).length;
    const drawn = `${grouped(count)} chunks of ${this.names.length} workers`;
    this.svg.setAttribute("aria-label", `${drawn}, from ${words(from / 1000)} to `
      + `${words(to / 1000)} after the start; arrow keys read single ones`);
    const whole = latest.size === this.names.length && this.bars.length < BARS_MAX;
    this.caption = whole ? this.plainCaption : `${this.plainCaption}; here are the last ${drawn}`;
    this.read(this.at);
  }

  frame(left, width, height, from, to) {
    const fits = Math.floor((left - 10) / CHAR);
    this.names.forEach((name, row) => {
      // Names of one fleet differ at their ends.
      const text = name.length > fits ? `…${name.slice(1 - fits)}` : name;
      const y = this.y(row) + this.high / 2 + 4;
      const size = this.high < 14 ? "tick end small" : "tick end";
      const label = this.put("text", { x: left - 8, y, class: size }, text);
      label.append(element("title", {}, name));
    });
    const most = width < 480 ? 4 : 8;
    const step = STEPS_S.find((s) => (to - from) / s <= most) ?? (to - from) / most;
    for (let n = Math.ceil(from / step); n * step <= to; n += 1) {
      const x = this.x(n * step * 1000);
      this.put("line", { x1: x, x2: x, y1: PAD.top, y2: height - PAD.bottom, class: "rule" });
      this.put("text", { x, y: height - 8, class: "tick middle" }, words(n * step));
    }
  }

  path(end) {
    const high = Math.max(this.high - 2, 1);
    const d = this.bars.filter((bar) => bar.end === end && this.row.has(bar.worker)).map((bar) => {
      const x = this.x(bar.from);
      const wide = Math.max(this.x(bar.to) - x - 0.75, 0.75);
      return `M${x.toFixed(2)} ${this.y(this.row.get(bar.worker)) + 1}h${wide.toFixed(2)}v${high}`
        + `h${(-wide).toFixed(2)}z`;
    });
    if (d.length) this.put("path", { d: d.join(""), class: `bar ${end}` });
  }

  put(name, attributes, text = "") {
    const node = element(name, attributes, text);
    this.svg.append(node);
    return node;
  }

  // Reading single bars: by pointer, or by arrow keys.
  nearest(row, x) {
    const own = this.bars.filter((bar) => this.row.get(bar.worker) === row);
    const away = own.map((bar) => Math.max(this.x(bar.from) - x, x - this.x(bar.to), 0));
    return own[away.indexOf(Math.min(...away))] ?? null;
  }

  point(event) {
    if (!this.bars.length) return;
    const { left, top } = this.svg.getBoundingClientRect();
    const row = Math.floor((event.clientY - top - PAD.top) / this.high);
    this.read(this.nearest(row, event.clientX - left));
  }

  key(event) {
    const now = this.at ?? this.bars.findLast((bar) => this.row.has(bar.worker));
    if (!now) return;
    const own = this.bars.filter((bar) => bar.worker === now.worker);
    const at = this.at ? own.indexOf(now) : own.length;
    const under = (by) => this.nearest(this.row.get(now.worker) + by, this.x(now.from));
    const to = {
      ArrowLeft: () => own[at - 1], ArrowRight: () => own[at + 1], ArrowUp: () => under(-1),
      ArrowDown: () => under(1), Home: () => own[0], End: () => own.at(-1),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.read(to() ?? now);
  }

  read(bar) {
    this.at = bar;
    this.readout.textContent = bar
      ? `${bar.worker}: ${grouped(bar.stop - bar.start)} units from ${grouped(bar.start)} on, `
        + `${words((bar.to - bar.from) / 1000)}, of which ${words(bar.busy_s)} computing; `
        + this.ends.get(bar.end)
      : this.caption;
    this.mark();
  }

  mark() {
    this.svg.querySelector(".mark")?.remove();
    if (!this.at) return;
    const x = this.x(this.at.from);
    this.put("rect", { x, y: this.y(this.row.get(this.at.worker)), height: this.high,
      width: Math.max(this.x(this.at.to) - x, 2), class: "mark" });
  }

  // What each worker did, as the server's table has it.
  table() {
    const lasted = Math.max(...this.bars.map((bar) => bar.to)) / 1000;
    const names = [...this.shares.keys()].sort();
    fill(this.root.querySelector("tbody"), names.map((name) => {
      const { chunks, units, busy } = this.shares.get(name);
      const speed = busy ? `${inWords((units / busy) * this.unitHolds)} ${this.noun}/s` : "";
      return [name, grouped(chunks), grouped(units), lasted ? percent(busy / lasted) : "", speed];
    }));
  }
}

function words(seconds) {
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  return seconds < 7200 ? `${Number((seconds / 60).toPrecision(3))} min`
    : `${Number((seconds / 3600).toPrecision(3))} h`;
}
