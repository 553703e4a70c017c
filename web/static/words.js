// What the modules share: numbers as people read them, times, and reloading parts of a page.

export const DIGITS = 12;

const SCALE = [[1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"], [1e6, "million"],
  [1e3, "thousand"]];

export const grouped = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");

export const percent = (part) => `${(Math.floor(part * 1000) / 10).toFixed(1)}\u202f%`;

export function inWords(number) {
  for (const [scale, word] of SCALE) {
    if (number >= scale) return `${Number((number / scale).toPrecision(3))} ${word}`;
  }
  return String(Number(number.toPrecision(3)));
}

function secondsInWords(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export function left({ p10, p50, p90 }) {
  const [low, middle, high] = [p10, p50, p90].map(secondsInWords);
  return `about ${middle} left${low === high ? "" : `, between ${low} and ${high}`}`;
}

// An estimate's digits: those on which both ends of its interval agree, and the rest.
export function sure({ value, low, high }) {
  const [text, least, most] = [value, low, high].map((n) => n.toFixed(DIGITS));
  let same = 0;
  while (same < text.length && text[same] === least[same] && text[same] === most[same]) same += 1;
  return [text.slice(0, same), text.slice(same)];
}

export function localTimes(root) {
  for (const time of root.querySelectorAll("time:not([data-local])")) {
    const at = new Date(time.dateTime);
    time.dataset.local = "";
    time.title = at.toLocaleString();
    time.textContent = "short" in time.dataset ? at.toLocaleTimeString() : at.toLocaleString();
  }
}

// A table's body with these rows of texts, in place of what it had.
export function fill(table, rows) {
  table.replaceChildren(...rows.map((texts) => {
    const row = document.createElement("tr");
    for (const text of texts) {
      row.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return row;
  }));
}

// Take parts of the page from the server again, but none that somebody is in the middle of.
export async function refresh(selectors) {
  const reply = await fetch(location.href, { cache: "no-store" });
  if (!reply.ok) return null;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  document.title = page.title;
  for (const selector of selectors) {
    const [old, fresh] = [document, page].map((root) => root.querySelector(selector));
    if (!old || !fresh || old.contains(document.activeElement)) continue;
    localTimes(fresh);
    old.replaceWith(fresh);
  }
  return page;
}

// Whether the list begins again: the run of the Redis server, before the dot, has changed.
export function serverRestarted(before, id) {
  return Boolean(before) && before.split(".")[0] !== id.split(".")[0];
}
