// Deployments with their last reason in words, and the acts on them.
import { write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, keyed, oncePerFrame, setClass, setText } from "windhover/dom";
import { bareSymbol, clock, money, titled, tone } from "windhover/format";
import { netOf } from "windhover/shapes";
import { refusal, toast } from "windhover/toast";

export function strategiesPanel({ store, openStart, deployed, currencyOf, isMixed }) {
  // The desk publishes what it was ever told to run; what was only added stands in the database alone.
  function rows() {
    const published = store.rows("strategies");
    const known = new Set(published.map(idOf));
    return [...published, ...deployed().filter((row) => !known.has(row.id)).map((row) => ({ ...row, key: row.id }))];
  }

  const nameOf = (row) => titled(row.strategy);
  const instrumentsOf = (row) => row.instruments ?? [];
  const idOf = (row) => row.id ?? row.key;
  const isOn = (row) => ["running", "starting", "halted"].includes(row.state);

  function openOf(row) {
    return store.rows("positions").filter((one) => one.strategy_key === idOf(row) && Number(one.quantity) !== 0);
  }

  function profit(row) {
    return store.rows("positions").filter((one) => one.strategy_key === idOf(row)).reduce((sum, one) => sum + netOf(one), 0);
  }

  function make() {
    const entry = {
      name: h("b"), on: h("span", { class: "sub" }), why: h("p", { class: "why" }), profit: h("span", { class: "num live" }),
      state: h("span", { class: "state" }), toggle: h("button", { type: "button" }), remove: h("button", { type: "button", class: "quiet" }, "Remove"),
    };
    entry.toggle.addEventListener("click", () => toggle(entry.row, entry.toggle));
    entry.remove.addEventListener("click", () => remove(entry.row));
    entry.element = h("li", {}, h("div", { class: "who" }, entry.name, entry.on), entry.why, entry.profit, entry.state, h("div", { class: "acts" }, entry.toggle, entry.remove));
    return entry;
  }

  function update(entry, row) {
    entry.row = row;
    entry.element.dataset.deployment = idOf(row);
    const symbols = instrumentsOf(row);
    const on = symbols.length > 2 ? `${symbols.length} instruments` : symbols.map(bareSymbol).join(", ");
    setText(entry.name, nameOf(row));
    setText(entry.on, `${on} · ${row.mode}`);
    entry.on.title = symbols.join(", ");
    setText(entry.why, row.last_reason?.replace(/^[A-Z]+:(?=\S)/, "") || (row.state === "running" ? "Waiting for its first decision: it needs its bars of warm-up." : "Not running."));
    entry.why.title = row.last_reason_at ? `said ${clock(row.last_reason_at)} by the desk's clock` : "";
    const now = profit(row);
    setText(entry.profit, money(now, currencyOf(row.account), { signed: true, bare: !isMixed() }));
    setClass(entry.profit, `num live ${tone(now)}`);
    setText(entry.state, row.state);
    setClass(entry.state, `state ${row.state}`);
    setText(entry.toggle, isOn(row) ? "Stop" : "Start");
    entry.toggle.setAttribute("aria-label", `${isOn(row) ? "Stop" : "Start"} ${nameOf(row)} on ${on}`);
    entry.remove.setAttribute("aria-label", `Remove ${nameOf(row)} on ${on}`);
  }

  async function toggle(row, button) {
    const enabled = !isOn(row);
    button.disabled = true;
    try {
      await write("/api/strategies/toggle", { id: idOf(row), enabled });
      const open = openOf(row).length;
      toast(enabled ? `${nameOf(row)} starts after its warm-up.` : `${nameOf(row)} stops${open ? `; its ${open} open position${open === 1 ? " stays" : "s stay"} yours to exit` : ""}.`);
    } catch (error) {
      refusal(error);
    } finally {
      button.disabled = false;
    }
  }

  function remove(row) {
    const open = openOf(row).length;
    ask({
      title: `Remove ${nameOf(row)}`,
      rows: [
        [isOn(row) ? 1 : 0, isOn(row) ? "running strategy is stopped first" : "running strategies: it stands still already"],
        [open, open ? "open positions stay and belong to no strategy" : "open positions of it"],
        [0, "journal rows are lost: orders, fills and reasons stay"],
      ],
      label: "Remove it",
      act: async () => {
        await write("/api/strategies/remove", { id: idOf(row) });
        toast(`${nameOf(row)} is being removed.`);
      },
    });
  }

  function draw() {
    if (!store.has("strategies")) return;
    const found = rows().sort((a, b) => String(nameOf(a)).localeCompare(String(nameOf(b))) || String(idOf(a)).localeCompare(String(idOf(b))));
    keyed(byId("strats"), found, { key: (row) => `${row.account}/${row.key}`, make, update });
    byId("strategies-empty").hidden = found.length > 0;
    const count = (state) => found.filter((row) => row.state === state).length;
    setText(byId("strategies-sub"), found.length ? `${count("running")} running${count("halted") ? `, ${count("halted")} halted` : ""}${count("stopped") ? `, ${count("stopped")} stopped` : ""}` : "");
  }

  for (const id of ["start-one", "start-first"]) byId(id).addEventListener("click", openStart);
  const soon = oncePerFrame(draw);
  for (const topic of ["strategies", "positions"]) store.on(topic, soon);
  return { draw: soon };
}
