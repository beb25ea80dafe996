/** The rate of the connection against its limit: the last minute, second by second. */

import { el } from "../dom.js";

const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 60;

/** Draw the requests of the last minute. Those that were refused for the limit's sake do not count. */
export function showMeter(box, entries, limit) {
  const now = Date.now();
  const ages = entries.map((entry) => [Math.floor((now - Date.parse(entry.time)) / 1000), entry.status]);
  const recent = ages.filter(([age]) => age < SECONDS);
  const counted = recent.filter(([, status]) => status !== 429).length;
  const refused = recent.length - counted;
  const share = Math.min(1, counted / limit);
  const bar = el("span", { class: share > 0.9 ? "fill high" : "fill" });
  bar.style.width = `${share * 100}%`;
  box.replaceChildren(
    el("p", { class: "figures" }, el("strong", {}, String(counted)), ` of ${limit} requests in the last minute`),
    el(
      "div",
      {
        class: "bar",
        role: "meter",
        "aria-valuenow": String(counted),
        "aria-valuemin": "0",
        "aria-valuemax": String(limit),
        "aria-label": "Requests in the last minute",
      },
      bar,
    ),
    bars(recent),
    el(
      "p",
      { class: "rate" },
      `${(counted / SECONDS).toFixed(1)} a second on average`,
      refused ? `, ${refused} refused` : "",
    ),
  );
}

function bars(recent) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${SECONDS * 4} 32`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const counts = Array.from({ length: SECONDS }, () => 0);
  for (const [age] of recent) if (age >= 0) counts[SECONDS - 1 - age] += 1;
  const most = Math.max(6, ...counts);
  counts.forEach((count, second) => {
    const height = count ? Math.max(2, (count / most) * 32) : 1;
    const rect = document.createElementNS(SVG, "rect");
    const shape = { x: second * 4, y: 32 - height, width: 3, height };
    for (const [key, value] of Object.entries(shape)) rect.setAttribute(key, String(value));
    if (!count) rect.setAttribute("class", "none");
    svg.append(rect);
  });
  return svg;
}
