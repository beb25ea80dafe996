/** Elements, and messages to the user. */

/**
 * An element. Keys of `given` that start with "on" are listeners, `class` and `data` set the attributes of these names, true and false
 * set or leave out an attribute; children that are null or false are left out.
 */
export function el(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "value" || key === "checked" || key === "selected") node[key] = value;
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== false && child !== undefined));
  return node;
}

export const $ = (id) => document.getElementById(id);

/** Make `nodes` the children of `parent`, moving as few as possible: a node that is moved loses focus and hover. */
export function reconcile(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

/** A short message at the foot of the page, with a button if there is an action. */
export function toast(text, { kind = "plain", action = null, label = "Undo" } = {}) {
  const box = el("div", { class: `toast ${kind}` }, el("span", {}, text));
  if (action) {
    box.append(el("button", { type: "button", onclick: () => (box.remove(), action()) }, label));
  }
  $("toasts").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 9000 : 5000);
}

/** Announce a text to screen readers. */
export function announce(text) {
  $("announcements").textContent = text;
}

/** Run an action of the user; an error is shown as one sentence. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, { kind: "bad" });
    return undefined;
  }
}
