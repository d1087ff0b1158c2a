// Quotes of what the desk is subscribed to, each with its age; a stale one shows its age in place of a price.
import { byId, h, oncePerFrame, setName, setText } from "windhover/dom";
import { age, bareSymbol, clock, isFigure, percent, price, tone } from "windhover/format";
import { createTable, download } from "windhover/table";

const change = (row) => {
  const close = row.previous_close ?? row.close;
  return isFigure(close) && Number(close) > 0 ? Number(row.last_price) / Number(close) - 1 : null;
};

export function quotesPanel({ store, quotes, currencyOf }) {
  const priced = (row, value) => price(value, currencyOf(row.account), row.tick_size);
  const columns = [
    {
      key: "symbol", label: "Instrument", text: (row) => bareSymbol(row.symbol), plain: (row) => row.symbol, sort: (row) => row.symbol,
      node: (_, cell) => cell.append(h("div")),
      update: (row, cell) => {
        setName(cell.firstChild, bareSymbol(row.symbol));
        cell.title = `${row.symbol}, source ${row.source ?? "unknown"}`;
      },
    },
    {
      key: "last", label: "Last", className: "live", text: (row) => (row.stale ? `${age(row.ageNow)} old` : priced(row, row.last_price)), plain: (row) => row.last_price ?? "",
      sort: (row) => Number(row.last_price), tone: (row) => (row.stale ? "stale" : ""),
      title: (row) => `bid ${priced(row, row.bid)}, ask ${priced(row, row.ask)}${row.mark_price ? `, mark ${priced(row, row.mark_price)}` : ""}, ${currencyOf(row.account)}, exchange time ${clock(row.exchange_at)} IST`,
    },
    { key: "change", label: "Day", className: "live", text: (row) => percent(change(row)), sort: (row) => change(row) ?? -Infinity, tone: (row) => (row.stale ? "stale" : tone(change(row), 4)) },
    { key: "age", label: "Age", text: (row) => age(row.ageNow), sort: (row) => row.ageNow, tone: (row) => (row.stale ? "warned" : ""), quietly: true, title: (row) => `received ${clock(row.received_at)} by the desk's clock` },
  ];
  const table = createTable({ table: byId("quotes-table"), columns, rowKey: (row) => row.key, initialSort: null });

  function draw() {
    if (!store.has("quotes")) return;
    const rows = quotes().sort((a, b) => a.key.localeCompare(b.key));
    table.show(rows);
    byId("quotes-empty").hidden = rows.length > 0;
    byId("quotes-table").hidden = rows.length === 0;
    const stale = rows.filter((row) => row.stale).length;
    setText(byId("quotes-sub"), rows.length ? `${rows.length}${stale ? `, ${stale} stale` : ""}` : "");
    if (rows.length > 0 && performance.getEntriesByName("desk:first-tick").length === 0) performance.mark("desk:first-tick");
  }

  byId("quotes-filter").addEventListener("input", (event) => table.filterBy(event.target.value));
  byId("quotes-csv").addEventListener("click", () => download("quotes.csv", table.csv()));
  const soon = oncePerFrame(draw);
  store.on("quotes", soon);
  setInterval(soon, 1000);
}
