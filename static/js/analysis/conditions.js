// The rule as fields: groups of conditions, each with two sides, a comparison and what is said of it.
import { added, isGroup, joined, joinOf, memberAt, membersOf, named, numberFrom, partsOf, removed, replaced, termOf } from "windhover/analysis/rule";
import { titled } from "windhover/format";
import { byId, h, setText } from "windhover/dom";

const NUMBER = "";
const LABELS = { deviations: "deviations", ranges: "ranges", period: "days", bars: "over" };
const FRAMES = { day: "daily", week: "weekly", month: "monthly" };
const MOST_BARS_AGO = 250;
const DEEPEST = 4;

/** Draw into `root`; `onChange(rule)` is told of every edit. `offered` is what the API says a rule may be made of. */
export function conditionFields({ root, offered, onChange }) {
  const operands = new Map(offered.operands.map((operand) => [operand.name, operand]));
  let rule = null;

  function change(next, { structure = false, focus = null } = {}) {
    rule = next;
    if (structure) draw(focus);
    onChange(rule);
  }

  const fresh = () => ({ left: { indicator: "close" }, is: "above", right: { indicator: "sma", ...operands.get("sma").parameters } });
  const idOf = (place, what) => `condition-${named(place).replaceAll(".", "-") || "root"}-${what}`;

  /** The fields of one side; every value is read from the rule as it is now, so that two fields never overwrite each other. */
  function side(place, key) {
    const held = () => partsOf(memberAt(rule, place)[key]);
    const write = (parts, structure = false) => change(
      replaced(rule, place, (condition) => ({ ...condition, [key]: termOf({ ...held(), ...parts }) })), { structure, focus: idOf(place, key) },
    );
    const { indicator, number, parameters, timeframe, ago } = held();
    const where = key === "left" ? "Left side" : "Right side";
    const options = offered.operands.map((one) => h("option", { value: one.name, selected: one.name === indicator }, one.text.charAt(0).toUpperCase() + one.text.slice(1)));
    const kind = h("select", {
      id: idOf(place, key), "aria-label": `${where} of condition ${named(place)}`,
      onchange: (event) => {
        const chosen = event.target.value;
        if (chosen === NUMBER) write({ indicator: null, number: number ?? 0, parameters: {}, timeframe: "day", ago: 0 }, true);
        else write({ indicator: chosen, parameters: { ...operands.get(chosen).parameters } }, true);
      },
    }, h("option", { value: NUMBER, selected: indicator === null }, "A number"), ...options);
    if (indicator === null) {
      return h("span", { class: "side" }, kind, h("input", {
        class: "figure-field", inputmode: "decimal", value: number ?? "", autocomplete: "off", "aria-label": `Number of condition ${named(place)}`,
        oninput: (event) => write({ number: numberFrom(event.target.value) }),
      }));
    }
    const all = { ...operands.get(indicator)?.parameters, ...parameters };
    const fields = Object.entries(all).map(([name, value]) => h("label", { class: "parameter" }, LABELS[name] ?? titled(name).toLowerCase(), h("input", {
      class: "small-field", inputmode: "decimal", value: value ?? "", autocomplete: "off",
      oninput: (event) => write({ parameters: { ...all, ...held().parameters, [name]: numberFrom(event.target.value) } }),
    })));
    const frame = h("select", { class: "frame-field", "aria-label": `Candles of the ${where.toLowerCase()}, condition ${named(place)}`, onchange: (event) => write({ timeframe: event.target.value }) },
      ...offered.timeframes.map((one) => h("option", { value: one, selected: one === timeframe }, FRAMES[one] ?? one)));
    const before = h("label", { class: "parameter" }, "ago", h("input", {
      class: "small-field", inputmode: "numeric", value: ago ?? "", autocomplete: "off", title: `Candles ago, 0 to ${MOST_BARS_AGO}`,
      oninput: (event) => write({ ago: event.target.value.trim() === "" ? 0 : numberFrom(event.target.value) }),
    }));
    return h("span", { class: "side" }, kind, ...fields, frame, before);
  }

  function condition(place) {
    const held = memberAt(rule, place);
    const comparison = h("select", {
      class: "comparison", "aria-label": `Comparison of condition ${named(place)}`,
      onchange: (event) => change(replaced(rule, place, (one) => ({ ...one, is: event.target.value }))),
    }, ...offered.comparisons.map((one) => h("option", { value: one.name, selected: one.name === held.is }, one.text)));
    return h("li", { class: "condition", dataset: { place: named(place) } },
      h("span", { class: "place" }, named(place)),
      h("div", { class: "sides" }, side(place, "left"), comparison, side(place, "right")),
      h("button", { type: "button", class: "quiet", "aria-label": `Remove condition ${named(place)}`, disabled: isLast(place), onclick: () => change(removed(rule, place), { structure: true }) }, "Remove"),
      h("p", { class: "told" }));
  }

  const isLast = (place) => place.length === 1 && membersOf(rule).length === 1;

  function group(place) {
    const held = memberAt(rule, place);
    const name = place.length ? `Group ${named(place)}` : "The rule";
    const join = h("select", {
      class: "join", "aria-label": `${name}: how many must hold`,
      onchange: (event) => change(joined(rule, place, event.target.value)),
    }, h("option", { value: "all", selected: joinOf(held) === "all" }, "All of these hold"), h("option", { value: "any", selected: joinOf(held) === "any" }, "Any of these holds"));
    const addCondition = () => {
      const at = [...place, membersOf(memberAt(rule, place)).length];
      change(added(rule, place, fresh()), { structure: true, focus: idOf(at, "left") });
    };
    const addGroup = () => {
      const at = [...place, membersOf(memberAt(rule, place)).length, 0];
      change(added(rule, place, { any: [fresh()] }), { structure: true, focus: idOf(at, "left") });
    };
    const members = membersOf(held).map((member, index) => (isGroup(member)
      ? h("li", {}, group([...place, index])) : condition([...place, index])));
    return h("div", { class: "group", role: "group", "aria-label": name },
      h("div", { class: "group-head" }, place.length > 0 && h("span", { class: "place" }, named(place)), join,
        place.length > 0 && h("button", { type: "button", class: "quiet", disabled: isLast(place), "aria-label": `Remove ${name.toLowerCase()}`, onclick: () => change(removed(rule, place), { structure: true }) }, "Remove")),
      h("ul", {}, ...members),
      h("div", { class: "group-foot" }, h("button", { type: "button", onclick: addCondition }, "Add condition"),
        place.length < DEEPEST && h("button", { type: "button", class: "quiet", onclick: addGroup }, "Add group")));
  }

  function draw(focus = null) {
    root.replaceChildren(group([]));
    if (focus) byId(focus)?.focus();
  }

  /** Say beside each condition what is known of it: {path: {text, isWrong}}; the others say nothing. */
  function tell(notes) {
    for (const row of root.querySelectorAll(".condition")) {
      const note = notes.get(row.dataset.place);
      setText(row.querySelector(".told"), note?.text ?? "");
      row.classList.toggle("is-wrong", Boolean(note?.isWrong));
      row.classList.toggle("is-unknown", Boolean(note) && !note.isWrong);
    }
  }

  return {
    show(next) {
      rule = next;
      draw();
    },
    rule: () => rule,
    fresh: () => ({ all: [fresh()] }),
    tell,
  };
}
