/** Buttons that set faults. */

import { sandbox } from "../data/api.js";
import { attempt, el } from "../dom.js";

const KINDS = [
  ["429 three times", { status: 429, times: 3, retry_after: 2 }],
  ["409 once", { status: 409, method: "PATCH" }],
  ["502 as HTML", { status: 502, html: true }],
  ["503, but saved", { status: 503, saved: true, method: "PATCH" }],
  ["529 twice", { status: 529, times: 2 }],
  ["Cut before the write", { drop: "before", method: "PATCH" }],
  ["Cut after the write", { drop: "after", method: "PATCH" }],
  ["Slow: 5 s", { delay_ms: 5000, times: 5 }],
  ["Queries 30 s behind", { stale_seconds: 30 }],
  ["Token revoked", { status: 401 }],
  ["Access lost", { status: 404 }],
];
let faults = [];

export function takeFaults(body) {
  faults = body.faults;
}

/** The faults that will still strike, as text; "" without any. */
export const activeFaults = () =>
  faults
    .filter((fault) => !fault.spent)
    .map(described)
    .join(", ");

/** The buttons, and the faults that are set. */
export function showFaults(list) {
  if (!list.querySelector(".kinds")) build(list);
  const rows = faults.map((fault) =>
    el(
      "li",
      { class: fault.spent ? "good" : "bad" },
      el("span", { class: "what" }, described(fault)),
      el(
        "span",
        { class: "status" },
        fault.times === null ? `${fault.struck} so far` : `${fault.struck} of ${fault.times}`,
      ),
    ),
  );
  list.querySelector("ol").replaceChildren(...rows);
  list.querySelector(".clear").hidden = !rows.length;
}

/** Elements that stay, so that a click is not lost while updates arrive. */
function build(list) {
  const buttons = KINDS.map(([name, fault]) =>
    el(
      "button",
      { type: "button", class: "quiet", onclick: () => attempt(() => sandbox("POST", "/sandbox/faults", fault)) },
      name,
    ),
  );
  const clear = el(
    "button",
    { type: "button", class: "quiet clear", onclick: () => attempt(() => sandbox("DELETE", "/sandbox/faults")) },
    "Clear all",
  );
  list.replaceChildren(
    el("p", { class: "quiet-note" }, "What the connection's next requests meet. People go on undisturbed."),
    el("div", { class: "kinds" }, buttons),
    el("ol", { class: "log faults" }),
    clear,
  );
}

function described(fault) {
  const what = fault.status
    ? `${fault.status}${fault.saved ? " saved" : ""}${fault.html ? " as HTML" : ""}`
    : fault.drop
      ? `cut ${fault.drop} the write`
      : fault.stale_seconds !== null
        ? `queries ${fault.stale_seconds} s behind`
        : `${fault.delay_ms} ms late`;
  const back = fault.retry_after === null ? null : `back in ${fault.retry_after} s`;
  return [what, back, fault.method, fault.path === "/v1/" ? null : fault.path].filter(Boolean).join(" · ");
}
