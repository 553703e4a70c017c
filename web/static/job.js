// One job's page: follows its events, and hands each part what it needs.

import {
  DIGITS, grouped, inWords, left, localTimes, percent, refresh, serverRestarted, sure,
} from "./words.js";

const AGAIN_MS = 3000;
const SPOKEN_MS = 5000;

export class JobView {
  constructor(root, way, picture, timeline) {
    this.way = way;
    this.picture = picture;
    this.timeline = timeline;
    this.url = root.dataset.events;
    this.after = root.dataset.after;
    this.unitHolds = Number(root.dataset.unitHolds);
    this.noun = root.dataset.noun;
    this.rate = 0;
    this.seen = null;
    this.spokenAt = 0;
    this.ended = !this.url;
    this.filter();
    this.copying();
    document.addEventListener("visibilitychange", () => this.follow());
    this.follow();
  }

  // One stream a visible page: browsers allow six connections to a host.
  follow() {
    this.source?.close();
    this.seen = null;
    if (document.hidden || this.ended) return;
    const after = this.after ? `?after=${encodeURIComponent(this.after)}` : "";
    const source = new EventSource(this.url + after);
    this.source = source;
    source.addEventListener("open", () => {
      this.way?.load();
      this.timeline?.look();
    });
    source.addEventListener("story", (event) => this.story(event));
    source.addEventListener("tiles", (event) => this.picture?.arrived(JSON.parse(event.data)));
    source.addEventListener("progress", (event) => this.progress(JSON.parse(event.data)));
    source.addEventListener("end", () => this.end());
    source.addEventListener("error", () => {
      // Refused: all streams are in use, or the job is gone. What is only broken mends itself.
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      setTimeout(() => source === this.source && this.retry(), AGAIN_MS);
    });
  }

  // Without a stream, ask for the job now and then.
  async retry() {
    const reply = await fetch(this.url.replace(/\/events$/, "")).catch(() => null);
    if (reply?.status === 404) return;
    const job = reply?.ok ? await reply.json() : null;
    if (job?.ended_at) await this.end();
    else if (job) {
      this.progress(job);
      if (job.canvas) this.picture?.arrived({ arrived: job.done_units });
    }
    this.follow();
  }

  show(name, text) {
    const place = document.querySelector(`[data-show="${name}"]`);
    if (place && place.textContent !== text) place.textContent = text;
    return place;
  }

  progress(job) {
    this.show("state", job.state).className = `state ${job.state}`;
    this.show("bar", "").value = job.done_units;
    this.show("percent", percent(job.progress));
    this.show("done", grouped(job.done_units));
    this.show("leases", `${job.leases} at work`);
    document.title = `${percent(job.progress)} ${job.kernel} - Hydra`;
    if (job.estimate) this.estimate(job.estimate);
    this.way?.add(job);
    this.timeline?.look();
    this.pace(job);
    if (performance.now() - this.spokenAt > SPOKEN_MS) {
      this.spokenAt = performance.now();
      this.show("spoken", `${job.state}, ${percent(job.progress)}`);
    }
  }

  estimate(said) {
    document.querySelector('[data-show="estimate"]').classList.remove("hidden");
    const [firm, rest] = sure(said);
    this.show("estimate-name", said.name);
    this.show("estimate-sure", firm);
    this.show("estimate-unsure", rest);
    this.show("estimate-low", said.low.toFixed(DIGITS));
    this.show("estimate-high", said.high.toFixed(DIGITS));
  }

  pace(job) {
    this.show("left", job.eta_s ? left(job.eta_s) : "");
    const now = performance.now();
    const { units, at } = this.seen ?? { units: job.done_units, at: now };
    if (!this.seen || now - at >= 1000) this.seen = { units: job.done_units, at: now };
    if (now - at < 1000) return;
    const fresh = ((job.done_units - units) / (now - at)) * 1000;
    const weight = this.rate ? 1 - Math.exp(-(now - at) / 3000) : 1;
    this.rate += (fresh - this.rate) * weight;
    if (this.rate <= 0) return;
    this.show("rate", `${inWords(this.rate * this.unitHolds)} ${this.noun}/s`);
  }

  story(event) {
    const list = document.querySelector('[data-show="story"]');
    if (serverRestarted(this.after, event.lastEventId)) list.replaceChildren();
    this.after = event.lastEventId;
    const { at, verb, text } = JSON.parse(event.data);
    const line = document.createElement("li");
    const time = document.createElement("time");
    time.dateTime = at;
    time.dataset.short = "";
    const [what, why] = [document.createElement("b"), document.createElement("span")];
    what.textContent = verb;
    why.textContent = text;
    line.append(time, " ", what, " ", why);
    localTimes(line);
    this.sift(line);
    list.append(line);
  }

  // The story's filter: what the server does on request, at once.
  filter() {
    const field = document.getElementById("only");
    this.only = field.value.toLowerCase();
    this.whole = !this.only;  // else lines are missing here that only the server has
    field.form.querySelector("button").hidden = this.whole;
    if (!this.whole) return;
    field.addEventListener("input", () => {
      this.only = field.value.toLowerCase();
      for (const line of document.querySelectorAll(".story li")) this.sift(line);
    });
    field.form.addEventListener("submit", (event) => event.preventDefault());
  }

  sift(line) {
    const [verb, text] = ["b", "span"].map((part) => line.querySelector(part).textContent);
    line.hidden = !`${verb} ${text}`.toLowerCase().includes(this.only);
  }

  copying() {
    const line = document.querySelector("[data-copy]");
    if (!line || !navigator.clipboard) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(line.textContent).catch(() => {});
      button.textContent = "Copied";
    });
    line.after(button);
  }

  async end() {
    this.ended = true;
    this.source?.close();
    const inside = document.getElementById("job").contains(document.activeElement);
    if (inside) document.activeElement.blur();
    const page = await refresh(["#job", "#efficiency", "#details"]).catch(() => null);
    if (!page) {
      setTimeout(() => this.end(), AGAIN_MS);
      return;
    }
    this.copying();
    if (inside) document.getElementById("title").focus();
    this.way?.load();
    this.timeline?.load();
    this.picture?.finish(page);
  }
}
