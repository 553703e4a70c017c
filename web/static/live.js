// Adds life to pages that are whole without it: times are the reader's, lists refresh, a job is
// followed.

import { Chart } from "./chart.js";
import { JobView } from "./job.js";
import { Picture } from "./picture.js";
import { Timeline } from "./timeline.js";
import { localTimes, refresh } from "./words.js";

const REFRESH_MS = 3000;

localTimes(document);

const at = (id) => document.getElementById(id);
const way = at("way")?.dataset.history ? new Chart(at("way")) : null;
const picture = at("picture") ? new Picture(at("picture")) : null;
const timeline = at("timeline") ? new Timeline(at("timeline")) : null;
if (at("job")) new JobView(at("job"), way, picture, timeline);

const lists = [...document.querySelectorAll("[data-refresh]")].map((list) => `#${list.id}`);
if (lists.length) {
  setInterval(() => document.hidden || refresh(lists).catch(() => {}), REFRESH_MS);
}
