/** Property JSON of Notion as plain values, and back. */

const WRITABLE = ["title", "rich_text", "select", "status", "date", "checkbox", "number", "url", "email", "phone_number"];
const PART = 2000;

export const isWritable = (type) => WRITABLE.includes(type);

/** The text of rich text. */
export const textOf = (parts) => (parts ?? []).map((part) => part.plain_text).join("");

export function titleOf(page) {
  const title = Object.values(page.properties).find((property) => property.type === "title");
  return textOf(title?.title);
}

/** The chosen option of a select or status: {id, name, color}, or null. */
export const optionOf = (property) => property?.[property.type] ?? null;

/** A property as a person reads it; "" when it is empty. */
export function shown(property) {
  const value = property?.[property.type];
  if (value === null || value === undefined) return "";
  switch (property.type) {
    case "title":
    case "rich_text":
      return textOf(value);
    case "select":
    case "status":
      return value.name;
    case "date":
      return [value.start, value.end].filter(Boolean).map(moment).join(" → ");
    case "created_time":
    case "last_edited_time":
      return moment(value);
    case "created_by":
    case "last_edited_by":
      return value.name ?? "";
    case "multi_select":
    case "people":
    case "files":
      return value.map(({ name }) => name ?? "").join(", ");
    case "unique_id":
      return value.number === null ? "" : [value.prefix, value.number].filter((part) => part !== null).join("-");
    case "checkbox":
      return value ? "Yes" : "";
    case "formula":
      return value[value.type] === null ? "" : String(value[value.type]);
    case "relation":
      return value.length ? `${value.length}${property.has_more ? "+" : ""} linked` : "";
    default:
      return String(value);
  }
}

/** A day or a moment in the person's own time and language. */
export function moment(text) {
  if (text.length === 10) {
    const [year, month, day] = text.split("-").map(Number);
    return new Date(year, month - 1, day).toLocaleDateString(undefined, { dateStyle: "medium" });
  }
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** "125 min" as "2 h 5 min"; a formula that has no date yet and gives its unit only as ""; anything else as it is. */
export function humanTime(text) {
  if (text.trim() === "min") return "";
  const minutes = /^(\d+) min$/.exec(text)?.[1];
  if (minutes === undefined || minutes < 60) return text;
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  const [large, small] = days
    ? [`${days} d`, hours && `${hours} h`]
    : [`${hours} h`, minutes % 60 && `${minutes % 60} min`];
  return small ? `${large} ${small}` : large;
}

/** What to send for a value from an editor: text, an option's name, a date's start, a tick, digits; "" empties it. */
export function written(type, value, before) {
  switch (type) {
    case "title":
    case "rich_text":
      return { [type]: textParts(value) };
    case "select":
    case "status":
      return { [type]: value ? { name: value } : null };
    case "date":
      return { date: value ? { start: value, end: keptEnd(value, before) } : null };
    case "number":
      return { number: value === "" ? null : Number(value) };
    case "url":
    case "email":
    case "phone_number":
      return { [type]: value || null };
    default:
      return { [type]: value };
  }
}

/** A range keeps its end as long as it has one of the same form that comes after the new start. */
function keptEnd(start, before) {
  const end = before?.date?.end;
  if (!end || (end.length === 10) !== (start.length === 10)) return null;
  return new Date(end) >= new Date(start) ? end : null;
}

/** Text in parts of at most 2,000 characters, never in the middle of a character. */
function textParts(text) {
  const parts = [];
  let part = "";
  for (const character of text) {
    if (part.length + character.length > PART) {
      parts.push(part);
      part = "";
    }
    part += character;
  }
  if (part) parts.push(part);
  return parts.map((content) => ({ text: { content } }));
}
