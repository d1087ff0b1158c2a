// A table of many rows that is read, not traded: sorted by its heads, filtered, shown in parts, walked by the arrow keys.
import { ordered } from "windhover/analysis/shapes";
import { h } from "windhover/dom";

const PART = 100;

/**
 * A column is `{key, label, hint?, text(row), by?(row), tone?(row), className?, draw?(row), plain?(row)}`: `draw` gives the
 * cell's nodes, `isAct` says that it is a link to somewhere and no figure, `by` what is sorted by, `plain` what stands in a file. `onOpen(row)` makes rows choosable.
 */
export function createGrid({ table, columns, rowKey, sort = null, more, part = PART, onOpen = null }) {
  const body = table.tBodies[0];
  let rows = [];
  let words = "";
  let kept = () => true;
  let shown = part;
  let chosen = null;

  const heads = columns.map((column) => h("th", { scope: "col", class: (column.className ?? "").replace("strong", "").trim(), title: column.hint },
    column.isAct ? h("span", { class: "only-heard" }, column.label) : h("button", { type: "button", onclick: () => sortBy(column) }, column.label)));
  table.tHead.rows[0].replaceChildren(...heads);

  function sortBy(column) {
    const first = column.ascending !== true;
    sort = { key: column.key, descending: sort?.key === column.key ? !sort.descending : first };
    draw();
  }

  function all() {
    const has = (row) => columns.some((column) => String(column.text(row)).toLowerCase().includes(words));
    const found = rows.filter((row) => kept(row) && (!words || has(row)));
    const column = sort && columns.find((one) => one.key === sort.key);
    return column ? ordered(found, column.by ?? column.text, sort.descending) : found;
  }

  function cell(column, row, index) {
    const parts = column.draw ? column.draw(row) : column.text(row);
    const attributes = { class: [column.className, column.tone?.(row)].filter(Boolean).join(" ") };
    if (index > 0) return h("td", attributes, parts);
    const named = onOpen ? h("button", { type: "button", class: "row-name", onclick: (event) => { event.stopPropagation(); choose(row, true); } }, parts) : parts;
    return h("th", { scope: "row", ...attributes }, named);
  }

  function make(row) {
    const element = h("tr", { dataset: { key: rowKey(row) }, class: onOpen ? "choosable" : null }, ...columns.map((column, index) => cell(column, row, index)));
    element.row = row;
    if (onOpen) element.addEventListener("click", (event) => event.target.closest("a, button") || choose(row, true));
    if (rowKey(row) === chosen) element.setAttribute("aria-selected", "true");
    return element;
  }

  function choose(row, byHand) {
    chosen = rowKey(row);
    for (const element of body.rows) element.toggleAttribute("aria-selected", false);
    const own = [...body.rows].find((element) => element.dataset.key === chosen);
    own?.setAttribute("aria-selected", "true");
    onOpen?.(row, byHand);
  }

  function draw() {
    const found = all();
    columns.forEach((column, index) => {
      if (sort?.key === column.key) heads[index].setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
      else heads[index].removeAttribute("aria-sort");
    });
    body.replaceChildren(...found.slice(0, shown).map(make));
    table.hidden = found.length === 0;
    if (more) {
      more.hidden = found.length <= shown;
      more.textContent = `Show ${Math.min(part, found.length - shown)} more of ${found.length}`;
    }
    return found.length;
  }

  more?.addEventListener("click", () => {
    shown += part;
    draw();
  });
  if (onOpen) {
    body.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const at = [...body.rows].indexOf(event.target.closest("tr"));
      const next = step && body.rows[at + step];
      if (!next) return;
      event.preventDefault();
      next.querySelector(".row-name").focus();
      choose(next.row, false);
    });
  }
  return {
    /** Show rows; returns how many of them are kept. */
    show(next) {
      rows = next;
      shown = part;
      return draw();
    },
    filterBy(text) {
      words = text.trim().toLowerCase();
      return draw();
    },
    keep(test) {
      kept = test;
      shown = part;
      return draw();
    },
    choose: (row) => choose(row, false),
    first: () => all()[0] ?? null,
    csv() {
      const quoted = (text) => `"${String(text ?? "").replaceAll('"', '""').replaceAll("−", "-")}"`;
      const figures = columns.filter((column) => !column.isAct);
      const lines = all().map((row) => figures.map((column) => quoted((column.plain ?? column.text)(row))).join(","));
      return [figures.map((column) => quoted(column.label)).join(","), ...lines].join("\r\n");
    },
  };
}
