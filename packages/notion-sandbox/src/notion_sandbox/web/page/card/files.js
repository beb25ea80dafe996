/** Files of a card: links, and pictures where a browser can show them. */

import { el } from "../dom.js";

const PICTURES = /\.(png|jpe?g|gif|webp)$/i;

const addressOf = (file) => file[file.type]?.url ?? "";

/** The address of the first picture among files; "" when there is none. */
export function pictureOf(property) {
  const found = (property?.files ?? []).find((file) => file.type === "file" && PICTURES.test(file.name));
  return found ? addressOf(found) : "";
}

/** The same file has another signature each time that its page is read. */
export const samePicture = (one, other) => one.split("?")[0] === other.split("?")[0];

/** A property of files, which is read only: each file as a link, pictures as such. */
export function fileLinks() {
  const node = el("div", { class: "reading files" });
  node.flush = () => {};
  node.show = (property) => {
    const files = property?.files ?? [];
    node.replaceChildren(...(files.length ? files.map(link) : ["—"]));
  };
  return node;
}

function link(file) {
  const address = addressOf(file);
  if (!/^https?:/.test(address)) return el("span", {}, file.name);
  const picture = pictureOf({ files: [file] });
  const given = { href: address, target: "_blank", rel: "noopener noreferrer" };
  return el("a", given, picture && el("img", { src: picture, alt: "" }), file.name);
}
