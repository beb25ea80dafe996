/** One editor per kind of property. */

import { el } from "../dom.js";
import { notion } from "../data/api.js";
import { fileLinks } from "./files.js";
import { humanTime, isWritable, shown, titleOf } from "./properties.js";

/**
 * An editor of a property: an element with `show(property)`, which leaves alone what the person is typing in.
 * `save(value)` is called when the person has changed it.
 */
export function editor(config, save) {
  const make = MAKERS[config.type] ?? (isWritable(config.type) ? line : reading);
  return make(config, save);
}

const MAKERS = {
  title: (config, save) => area(config, save, "title-edit"),
  rich_text: (config, save) => area(config, save, ""),
  select: choice,
  status: choice,
  date: dateEditor,
  checkbox: tick,
  relation: linked,
  files: fileLinks,
};

/** Something that holds one value: shown unless it has the focus, saved when it was changed. */
function holding(node, fields, { get, set, save }) {
  let before = get();
  let saving = 0;
  node.show = (property) => {
    // Until the answer to an edit is here, whatever the store holds is older than what the person sees.
    if (saving || (fields.includes(document.activeElement) && get() !== before)) return;
    set(property);
    before = get();
  };
  node.flush = () => {
    if (get() === before) return;
    before = get();
    saving += 1;
    Promise.resolve(save(before)).finally(() => (saving -= 1));
  };
  for (const field of fields) field.addEventListener("change", node.flush);
  return node;
}

function area(config, save, kind) {
  const field = el("textarea", {
    rows: "1",
    "aria-label": config.name,
    class: kind,
    placeholder: kind ? "Untitled" : "Empty",
    spellcheck: "false",
  });
  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && kind) (event.preventDefault(), field.blur());
  });
  const set = (property) => {
    field.value = shown(property);
    requestAnimationFrame(fit);
  };
  return holding(field, [field], { get: () => field.value, set, save });
}

function line(config, save) {
  const type = config.type === "number" ? "number" : "text";
  const field = el("input", { type, step: "any", "aria-label": config.name, placeholder: "Empty" });
  return holding(field, [field], {
    get: () => field.value,
    set: (property) => (field.value = shown(property)),
    save,
  });
}

function choice(config, save) {
  const empty = config.type === "select" ? [el("option", { value: "" }, "Empty")] : [];
  const names = config[config.type].options.map((option) => option.name);
  const field = el(
    "select",
    { "aria-label": config.name },
    empty,
    names.map((name) => el("option", { value: name }, name)),
  );
  const colors = new Map(config[config.type].options.map((option) => [option.name, option.color]));
  const paint = () => (field.dataset.color = colors.get(field.value) ?? "default");
  field.addEventListener("change", paint);
  const set = (property) => {
    field.value = shown(property);
    paint();
  };
  return holding(field, [field], { get: () => field.value, set, save });
}

function tick(config, save) {
  const field = el("input", { type: "checkbox", "aria-label": config.name });
  return holding(field, [field], {
    get: () => field.checked,
    set: (property) => (field.checked = property?.checkbox ?? false),
    save,
  });
}

/** A day, and a time if there should be one. */
function dateEditor(config, save) {
  const day = el("input", { type: "date", "aria-label": config.name });
  const time = el("input", { type: "time", "aria-label": `${config.name}, time` });
  const end = el("span", { class: "until" });
  const get = () => (day.value && time.value ? withZone(day.value, time.value) : day.value);
  const set = (property) => {
    const { start = "", end: until = null } = property?.date ?? {};
    const at = start.length > 10 ? new Date(start) : null;
    day.value = at ? `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}` : start;
    time.value = at ? `${pad(at.getHours())}:${pad(at.getMinutes())}` : "";
    end.textContent = until ? `until ${shown({ type: "date", date: { start: until } })}` : "";
  };
  return holding(el("span", { class: "date" }, day, time, end), [day, time], { get, set, save });
}

const pad = (number) => String(number).padStart(2, "0");

/** A moment in the user's time zone with its offset, as Notion requires. */
function withZone(day, time) {
  const minutes = -new Date(`${day}T${time}`).getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  return `${day}T${time}:00${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
}

function reading() {
  const node = el("span", { class: "reading" });
  node.show = (property) => (node.textContent = humanTime(shown(property)) || "—");
  node.flush = () => {};
  return node;
}

/** The titles of linked pages, read one by one. */
function linked() {
  const node = el("span", { class: "reading" });
  let ids = "";
  node.flush = () => {};
  node.show = async (property) => {
    const related = property?.relation ?? [];
    if (!related.length) node.textContent = "—";
    if (ids === String(related.map((item) => item.id))) return;
    ids = String(related.map((item) => item.id));
    const pages = await Promise.all(related.map(({ id }) => notion("GET", `/v1/pages/${id}`).catch(() => null)));
    const titles = pages.map((page) => (page ? titleOf(page) || "Untitled" : "No access"));
    node.textContent = [...titles, ...(property.has_more ? ["…"] : [])].join(", ") || "—";
  };
  return node;
}
