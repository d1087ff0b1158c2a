// Open positions and what was closed today; an exit says in numbers what it will do.
import { write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, oncePerFrame, setText } from "windhover/dom";
import { age, bareSymbol, clock, counted, isFigure, money, price, quantity, tone } from "windhover/format";
import { isPerpetual, netOf, sumsBy } from "windhover/shapes";
import { createTable, download } from "windhover/table";
import { toast } from "windhover/toast";

const isOpen = (row) => Number(row.quantity) !== 0;
const symbolOf = (row) => row.symbol ?? row.key;
const known = (parts) => parts.filter(Boolean).join(", ");

export function positionsPanel({ store, quoteOf, strategyName, bookShown, isMixed }) {
  const tick = (row) => quoteOf(symbolOf(row))?.tick_size;
  const leverage = (row) => (isFigure(row.leverage) ? `${quantity(row.leverage)}×` : "–");
  const paid = (row) => money(row.funding ?? 0, row.currency, { signed: true, bare: true });
  const ofPerpetual = (text) => (row) => (isPerpetual(row) ? text(row) : "");
  // where two currencies stand in one column, each figure says its own
  const profit = (row) => money(netOf(row), row.currency, { signed: true, bare: !isMixed() });
  const lastOf = (row) => {
    const quote = quoteOf(symbolOf(row));
    return quote?.stale ? { stale: true, text: `${age(quote.ageNow)} old` } : { stale: false, text: price(row.last_price, row.currency, quote?.tick_size) };
  };
  const holder = strategyName;
  const inBook = () => store.rows("positions").filter((row) => row.book === bookShown());
  const columns = [
    {
      key: "symbol", label: "Instrument", text: (row) => `${bareSymbol(symbolOf(row))} ${holder(row)}`, plain: symbolOf, sort: symbolOf,
      node: (row, cell) => cell.append(h("div", { class: "named" }, h("span"), h("span", { class: "sub" }))),
      update: (row, cell) => {
        const [symbol, held] = cell.firstChild.children;
        setText(symbol, bareSymbol(symbolOf(row)));
        setText(held, holder(row));
        cell.title = [symbolOf(row), row.product, row.position_side && row.position_side !== "BOTH" ? row.position_side : null, holder(row)].filter(Boolean).join(" · ");
      },
    },
    { key: "quantity", label: "Quantity", text: (row) => quantity(row.quantity, { signed: true, currency: row.currency }), sort: (row) => Number(row.quantity) },
    { key: "average", label: "Average", className: "drops", text: (row) => (isOpen(row) ? price(row.average_price, row.currency, quoteOf(symbolOf(row))?.tick_size) : "–"), sort: (row) => Number(row.average_price) },
    {
      key: "last", label: "Last", className: "live", text: (row) => lastOf(row).text, sort: (row) => Number(row.last_price),
      tone: (row) => (lastOf(row).stale ? "stale" : ""), title: (row) => `as of ${clock(row.as_of)} IST`,
    },
    {
      key: "mark", label: "Mark", className: "live drops perp", text: ofPerpetual((row) => (isOpen(row) ? price(row.mark_price, row.currency, tick(row)) : "–")), sort: (row) => Number(row.mark_price ?? 0),
      title: ofPerpetual(() => "by which the venue values and liquidates the position"),
    },
    {
      key: "liquidation", label: "Liquidation", className: "live drops perp", text: ofPerpetual((row) => (isOpen(row) ? price(row.liquidation_price, row.currency, tick(row)) : "–")), sort: (row) => Number(row.liquidation_price ?? 0),
      title: ofPerpetual((row) => (row.liquidation_price ? `${row.liquidation_source || "from the venue"}; ${leverage(row)} ${row.margin_mode ?? ""}` : "no price is known at which the venue would close it")),
    },
    {
      key: "leverage", label: "Leverage", className: "drops perp", text: ofPerpetual((row) => (isOpen(row) ? leverage(row) : "–")), sort: (row) => Number(row.leverage ?? 0),
      title: ofPerpetual((row) => known([row.margin_mode, isFigure(row.isolated_margin) ? `${money(row.isolated_margin, row.currency)} set aside` : null, isFigure(row.notional) ? `worth ${money(row.notional, row.currency)}` : null])),
    },
    {
      key: "funding", label: "Funding", className: "live drops perp", text: ofPerpetual(paid), sort: (row) => Number(row.funding ?? 0), tone: (row) => (isPerpetual(row) ? tone(row.funding ?? 0) : ""),
      title: ofPerpetual((row) => `funding received (+) or paid (−) today; fees ${money(row.fees ?? -Number(row.charges ?? 0), row.currency, { signed: true })}`),
    },
    {
      key: "pnl", label: "P&L", className: "live strong", text: profit, sort: netOf,
      tone: (row) => (lastOf(row).stale && isOpen(row) ? "stale" : tone(netOf(row))),
      title: (row) => `realised ${money(row.pnl_realised ?? 0, row.currency, { signed: true })}, unrealised ${money(row.pnl_unrealised ?? 0, row.currency, { signed: true })}, ${isPerpetual(row) ? `fees ${money(row.fees ?? -Number(row.charges ?? 0), row.currency, { signed: true })}, funding ${money(row.funding ?? 0, row.currency, { signed: true })}` : `charges ${money(-Number(row.charges ?? 0), row.currency)}`}`,
    },
    {
      key: "act", label: "", className: "drops", text: () => "",
      node: (row, cell) => cell.append(h("button", { type: "button", class: "plain exit", onclick: (event) => exit(event.currentTarget.closest("tr").currentRow) }, "Exit")),
      update: (row, cell) => {
        cell.firstChild.hidden = !isOpen(row);
        cell.firstChild.setAttribute("aria-label", `Exit ${bareSymbol(symbolOf(row))}`);
      },
    },
  ];

  function exit(row) {
    const amount = Math.abs(Number(row.quantity));
    const size = quantity(amount, { currency: row.currency });
    const side = Number(row.quantity) > 0 ? "SELL" : "BUY";
    const value = isFigure(row.last_price) ? amount * Number(row.last_price) : null;
    ask({
      title: `Exit ${bareSymbol(symbolOf(row))}`,
      rows: [
        [size, `${side === "SELL" ? "sold" : "bought back"} at the market, reduce-only${value === null ? "" : `, about ${money(value, row.currency)} at the last price`}`],
        [money(netOf(row), row.currency, { signed: true, bare: row.currency === "INR" }), "profit or loss of this position today, net of charges so far"],
        ...(isPerpetual(row) && isFigure(row.liquidation_price) ? [[price(row.liquidation_price, row.currency, tick(row)), `is where the venue would close it by itself${isFigure(row.leverage) ? `, at ${leverage(row)}` : ""}`]] : []),
        [strategyName(row) ? "1" : "0", strategyName(row) ? `strategy holds it (${strategyName(row)}) and may enter again while it runs` : "strategies hold it"],
      ],
      label: `${side} ${size} to exit`,
      act: async () => {
        await write("/api/positions/exit", {
          account: row.account, book: row.book, symbol: symbolOf(row), product: row.product, strategy: row.strategy_key,
        });
        toast(`Exit of ${size} ${bareSymbol(symbolOf(row))} asked for; the order appears when the desk has journalled it.`);
      },
    });
  }

  const table = createTable({
    table: byId("positions-table"), columns, rowKey: (row) => `${row.account}/${row.key}`, initialSort: null,
    onRow: (row) => matchMedia("(max-width: 44rem)").matches && isOpen(row) && exit(row),
  });

  function draw() {
    if (!store.has("positions")) return;
    // in the order in which they were opened: a row that closes stays where the eye left it
    const rows = inBook();
    const apart = store.rows("positions").filter((row) => row.book !== bookShown() && isOpen(row)).length;
    const open = rows.filter(isOpen);
    // once they are there they stay: a column that comes and goes would move the others
    if (rows.some(isPerpetual)) byId("positions-table").classList.remove("no-perps");
    table.show(rows);
    byId("positions-empty").hidden = rows.length > 0;
    byId("positions-table").hidden = rows.length === 0;
    setText(byId("positions-sub"), [
      `${open.length} open ${bookShown()}`, rows.length > open.length ? `${rows.length - open.length} closed` : null,
      apart ? `${apart} on ${bookShown() === "live" ? "paper" : "live"} apart` : null,
    ].filter(Boolean).join(" · "));
    setText(byId("positions-badge"), open.length || "");
    byId("exit-all").disabled = open.length === 0;
  }

  function exitAll() {
    const open = inBook().filter(isOpen);
    const sums = sumsBy(open, (row) => row.currency ?? "INR", netOf);
    ask({
      title: `Exit all ${bookShown()} positions`,
      rows: [
        [open.length, `${open.length === 1 ? "position is" : "positions are"} closed at the market, reduce-only`],
        ...sums.map(([currency, sum]) => [money(sum, currency, { signed: true, bare: currency === "INR" }), `profit or loss ${sums.length > 1 ? `in ${currency}` : "of them"} today, net of charges so far`]),
        [store.rows("strategies").filter((row) => row.state === "running").length, "running strategies may enter again; pull the kill switch to prevent that"],
      ],
      label: `Exit ${counted(open.length, "position")}`,
      act: async () => {
        for (const account of new Set(open.map((row) => row.account))) await write("/api/positions/exit-all", { account, book: bookShown() });
        toast(`Exit of ${counted(open.length, "position")} asked for.`);
      },
    });
  }

  byId("exit-all").addEventListener("click", exitAll);
  byId("positions-csv").addEventListener("click", () => download("positions.csv", table.csv()));
  const soon = oncePerFrame(draw);
  for (const topic of ["positions", "quotes", "strategies"]) store.on(topic, soon);
  return { draw: soon, csv: () => table.csv() };
}
