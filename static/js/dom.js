// Elements without markup in strings: text stays text.
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Make an element: `h("button", {type: "button", class: "quiet", onclick: f}, "Find")`. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key === "className" ? "class" : key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Change an element's text only when it differs; returns whether it did. */
export function setText(element, text) {
  const value = String(text);
  if (element.textContent === value) return false;
  element.textContent = value;
  return true;
}

const SECURITY = "/account/security";

/** Say a refusal as the desk worded it; one for want of a second factor leads, in a tab of its own, to where it is confirmed. */
export function sayRefused(element, error) {
  setText(element, error.message ?? String(error));
  if (error.code === "second_factor.required") element.append(" ", h("a", { href: SECURITY, target: "_blank", rel: "noopener" }, "Open Security"));
}

/** Name an instrument so that of an option's name the middle is left out when it is cut, never its strike. */
export function setName(element, text) {
  if (element.textContent === text && element.childElementCount === 2) return;
  const [strike = ""] = /\d{1,5}(\.\d+)?(CE|PE)$/.exec(text) ?? [];
  element.classList.add("cut");
  element.replaceChildren(h("span", {}, text.slice(0, text.length - strike.length)), h("span", {}, strike));
}

export function setClass(element, className) {
  if (element.className !== className) element.className = className;
}

/** Tint a changed figure for 400 ms, unless motion is reduced. */
export function tint(element) {
  if (still.matches) return;
  const wash = getComputedStyle(document.documentElement).getPropertyValue("--accent-wash").trim();
  element.animate([{ backgroundColor: wash }, { backgroundColor: "transparent" }], { duration: 400, easing: "ease-out" });
}

/** Keep a list's children in step with rows: made once per key, updated in place, moved only when the order changed. */
export function keyed(parent, rows, { key, make, update }) {
  const held = (parent.keyedRows ??= new Map());
  const wanted = new Set(rows.map(key));
  for (const [id, entry] of held) {
    if (wanted.has(id)) continue;
    entry.element.remove();
    held.delete(id);
  }
  let cursor = parent.firstElementChild;
  for (const row of rows) {
    let entry = held.get(key(row));
    if (!entry) {
      entry = make(row);
      held.set(key(row), entry);
    }
    if (entry.element === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(entry.element, cursor);
    update(entry, row);
  }
}

/** Run `task` once in the next frame, however often it was asked for. */
export function oncePerFrame(task) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      task();
    });
  };
}
