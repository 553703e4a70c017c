// Adds life to pages that are whole without it: a job follows its events, the list refreshes.

const REFRESH_MS = 3000;
const SPOKEN_MS = 5000;

const grouped = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");

function localTimes(root) {
  for (const time of root.querySelectorAll("time:not([data-local])")) {
    const at = new Date(time.dateTime);
    time.dataset.local = "";
    time.title = at.toLocaleString();
    time.textContent = "short" in time.dataset ? at.toLocaleTimeString() : at.toLocaleString();
  }
}

// Take a part of the page from the server again, unless somebody is in the middle of it.
async function renew(selector) {
  const reply = await fetch(location.href, { cache: "no-store" });
  if (!reply.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const [old, fresh] = [document, page].map((root) => root.querySelector(selector));
  if (!old || !fresh || old.contains(document.activeElement)) return;
  document.title = page.title;
  localTimes(fresh);
  old.replaceWith(fresh);
}

class JobView {
  constructor(root) {
    this.url = root.dataset.events;
    this.after = root.dataset.after;
    this.unitHolds = Number(root.dataset.unitHolds);
    this.noun = root.dataset.noun;
    this.rate = 0;
    this.seen = null;
    this.spokenAt = 0;
    this.ended = false;
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
    source.addEventListener("story", (event) => this.story(event));
    source.addEventListener("progress", (event) => this.progress(JSON.parse(event.data)));
    source.addEventListener("end", () => this.end());
    source.addEventListener("error", () => {
      // Refused: all streams are in use, or the job is gone. What is only broken mends itself.
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      setTimeout(() => source === this.source && this.retry(), REFRESH_MS);
    });
  }

  // Without a stream, ask for the job now and then.
  async retry() {
    const reply = await fetch(this.url.replace(/\/events$/, "")).catch(() => null);
    if (reply?.status === 404) return;
    const job = reply?.ok ? await reply.json() : null;
    if (job?.ended_at) await this.end();
    else if (job) this.progress(job);
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
    const percent = `${(Math.floor(job.progress * 1000) / 10).toFixed(1)}\u202f%`;
    this.show("percent", percent);
    this.show("done", grouped(job.done_units));
    this.show("leases", `${job.leases} at work`);
    document.title = `${percent} ${job.kernel} - Hydra`;
    if (job.estimate) {
      document.querySelector('[data-show="estimate"]').classList.remove("hidden");
      this.show("estimate-name", job.estimate.name);
      for (const part of ["value", "low", "high"])
        this.show(`estimate-${part}`, job.estimate[part].toFixed(12));
    }
    this.pace(job);
    if (performance.now() - this.spokenAt > SPOKEN_MS) {
      this.spokenAt = performance.now();
      this.show("spoken", `${job.state}, ${percent}`);
    }
  }

  pace(job) {
    const now = performance.now();
    const { units, at } = this.seen ?? { units: job.done_units, at: now };
    if (!this.seen || now - at >= 1000) this.seen = { units: job.done_units, at: now };
    if (now - at < 1000) return;
    const fresh = ((job.done_units - units) / (now - at)) * 1000;
    const weight = this.rate ? 1 - Math.exp(-(now - at) / 3000) : 1;
    this.rate += (fresh - this.rate) * weight;
    if (this.rate <= 0) return;
    const rate = (this.rate * this.unitHolds).toExponential(1).replace("e+", "e");
    this.show("rate", `${rate} ${this.noun}/s`);
    const left = (job.total_units - job.done_units) / this.rate;
    this.show("left", left < 90 ? `about ${Math.ceil(left)} s left`
      : left < 5400 ? `about ${Math.round(left / 60)} min left`
        : `about ${(left / 3600).toFixed(1)} h left`);
  }

  story(event) {
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
    document.querySelector('[data-show="story"]').append(line);
  }

  async end() {
    this.ended = true;
    this.source?.close();
    document.activeElement?.blur();
    await renew("main");
  }
}

localTimes(document);
const job = document.querySelector("[data-events]");
if (job) new JobView(job);
if (document.querySelector("[data-refresh]")) {
  setInterval(() => document.hidden || renew("#latest").catch(() => {}), REFRESH_MS);
}
