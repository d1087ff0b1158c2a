// A table that is updated in place: keyed rows, sortable heads, a filter, its rows as CSV.
import { h, keyed, setClass, setText, tint } from "windhover/dom";

/**
 * A column is `{key, label, text(row), sort?(row), tone?(row), title?(row), className?, node?(row, cell), quietly?}`.
 * `node` fills a cell by itself; `quietly` changes without a tint (ages would never rest).
 */
export function createTable({ table, columns, rowKey, rowTitle, onRow, initialSort = null }) {
  const body = table.tBodies[0];
  let rows = [];
  let sort = initialSort;
  let filter = "";

  const heads = new Map();
  for (const column of columns) {
    const head = table.tHead.querySelector(`[data-column="${column.key}"]`);
    heads.set(column.key, head);
    const button = head?.querySelector("button");
    button?.addEventListener("click", () => {
      const descending = sort?.key === column.key ? !sort.descending : true;
      sort = { key: column.key, descending };
      draw();
    });
  }

  function compared(left, right) {
    const column = columns.find((one) => one.key === sort.key);
    const by = column.sort ?? column.text;
    const [a, b] = [by(left), by(right)];
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return sort.descending ? -order : order;
  }

  function shown() {
    const words = filter.toLowerCase();
    const kept = words ? rows.filter((row) => columns.some((c) => c.text(row).toLowerCase().includes(words))) : [...rows];
    return sort ? kept.sort((a, b) => compared(a, b)) : kept;
  }

  function make(row) {
    const cells = columns.map((column, index) => {
      const attributes = { class: column.className ?? "" };
      const cell = index === 0 ? h("th", { scope: "row", ...attributes }) : h("td", attributes);
      if (column.node) column.node(row, cell);
      return cell;
    });
    const element = h("tr", {}, ...cells);
    if (onRow) element.addEventListener("click", (event) => event.target.closest("button") || onRow(element.currentRow));
    element.dataset.key = rowKey(row);
    return { element, cells, fresh: true };
  }

  function update(entry, row) {
    entry.element.currentRow = row;
    if (rowTitle) entry.element.title = rowTitle(row);
    columns.forEach((column, index) => {
      const cell = entry.cells[index];
      if (column.update) {
        column.update(row, cell);
        return;
      }
      if (column.node) return;
      const changed = setText(cell, column.text(row));
      setClass(cell, [column.className, column.tone?.(row)].filter(Boolean).join(" "));
      if (column.title) cell.title = column.title(row);
      if (changed && !entry.fresh && !column.quietly) tint(cell);
    });
    entry.fresh = false;
  }

  function draw() {
    for (const [key, head] of heads) {
      if (sort?.key === key) head?.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
      else head?.removeAttribute("aria-sort");
    }
    keyed(body, shown(), { key: rowKey, make, update });
  }

  return {
    show(next) {
      rows = next;
      draw();
    },
    filterBy(text) {
      filter = text.trim();
      draw();
    },
    csv() {
      const quoted = (text) => `"${String(text).replaceAll('"', '""').replaceAll("−", "-")}"`;
      const named = columns.filter((column) => column.label);
      const lines = shown().map((row) => named.map((column) => quoted((column.plain ?? column.text)(row))).join(","));
      return [named.map((column) => quoted(column.label)).join(","), ...lines].join("\r\n");
    },
  };
}

/** Hand a text to the person as a file. */
export function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
