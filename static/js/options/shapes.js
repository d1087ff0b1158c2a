// How chains become what the pages show. Pure, so that each shape is tested once, here.
import { figure } from "windhover/options/figures";

const HEADS = new Set(["head", "legend"]);
const STALE_S = 30;

// --- chains: the socket's columns and the API's document give the same rows

/** The sentences of the bits that are set. */
export function marksSaid(bits, sentences = {}) {
  return Object.keys(sentences).filter((bit) => (Number(bits) & Number(bit)) !== 0).map((bit) => sentences[bit]);
}

function sideOf(values, columns, prefix, legend, head, instrument) {
  const side = { instrument: instrument ?? null };
  columns.forEach((name, index) => {
    if (name.startsWith(prefix)) side[name.slice(prefix.length)] = values[index];
  });
  const refused = side.refusal ? legend.refusals?.[String(side.refusal)] : null;
  const said = marksSaid(side.marks ?? 0, legend.marks);
  const why = refused && !said.includes(refused) ? [...said, refused] : said;
  const seen = figure(side.quoted_at);
  const now = Date.parse(head.as_of) / 1000;
  return { ...side, why, is_liquid: (side.marks ?? 0) === 0, age_s: seen !== null && Number.isFinite(now) ? Math.max(0, now - seen) : null };
}

/** The chain that a socket's state tells: `{head, rows}` as `chainOfDocument` gives it; null until its head has come. */
export function chainOfState(data) {
  const { head, legend } = data;
  if (!head || !legend?.columns) return null;
  const { columns } = legend;
  const rows = Object.entries(data).filter(([key, values]) => !HEADS.has(key) && Array.isArray(values)).map(([key, values]) => {
    const [call, put] = legend.instruments?.[key] ?? [];
    const own = Object.fromEntries(columns.map((name, index) => [name, values[index]]).filter(([name]) => !name.includes(".")));
    return { ...own, ce: sideOf(values, columns, "ce.", legend, head, call), pe: sideOf(values, columns, "pe.", legend, head, put) };
  });
  return { head, rows: rows.sort((a, b) => a.strike - b.strike) };
}

/** The chain of `GET /api/options/chain`. */
export function chainOfDocument(document) {
  const { strikes, ...head } = document;
  return { head, rows: [...strikes].sort((a, b) => a.strike - b.strike) };
}

/** Whether a cell's quote is too old to be acted on without a look. */
export const isStale = (side) => (figure(side?.age_s) ?? 0) > STALE_S;

/** The strikes around a centre, `reach` on either side; all of them where reach is 0 or there is no centre. */
export function windowOf(rows, centre, reach) {
  if (!reach || centre === null || rows.length <= 2 * reach + 1) return rows;
  const nearest = nearestIndex(rows, centre);
  const from = Math.max(0, Math.min(nearest - reach, rows.length - 2 * reach - 1));
  return rows.slice(from, from + 2 * reach + 1);
}

/** Where the row nearest a level stands. */
export function nearestIndex(rows, wanted) {
  let best = 0;
  rows.forEach((row, index) => {
    if (Math.abs(row.strike - wanted) < Math.abs(rows[best].strike - wanted)) best = index;
  });
  return best;
}

/** The centre to keep showing: the old one until the money has left it by more than `slack` strikes. */
export function steadyCentre(rows, old, atm, slack = 3) {
  if (atm === null || rows.length === 0) return old;
  if (old === null) return atm;
  const moved = Math.abs(nearestIndex(rows, atm) - nearestIndex(rows, old));
  return moved > slack ? atm : old;
}

/** What the strip over a chain says, each a figure or null. */
export function stripOf(head) {
  const [forward, sigma, years] = [figure(head.forward), figure(head.atm_iv), figure(head.years)];
  const move = forward !== null && sigma !== null && years !== null && years > 0 ? forward * sigma * Math.sqrt(years) : null;
  const spot = figure(head.spot);
  const pain = figure(head.max_pain);
  return {
    spot, forward, carry: forward !== null && spot !== null ? forward - spot : null,
    atm_iv: sigma, move, move_share: move === null ? null : move / forward,
    straddle: figure(head.straddle), atm_strike: figure(head.atm_strike),
    pcr: figure(head.pcr), pcr_volume: figure(head.pcr_volume),
    max_pain: pain, pain_gap: pain !== null && forward !== null ? pain - forward : null,
    call_oi: figure(head.call_oi), put_oi: figure(head.put_oi),
  };
}

/** The strikes whose open interest grew most, for the sentence under the changes; null where none grew. */
export function mostAdded(rows, kind) {
  const grown = rows.filter((row) => (figure(row[kind]?.oi_change) ?? 0) > 0);
  if (grown.length === 0) return null;
  const best = grown.reduce((top, row) => (row[kind].oi_change > top[kind].oi_change ? row : top));
  return { strike: best.strike, change: best[kind].oi_change };
}

/** How many strikes of a side are in each build-up class, the most frequent first: [["short build-up", 9], …]. */
export function classesOf(strikes, kind) {
  const counts = new Map();
  for (const row of strikes) {
    const name = row[kind]?.build_up;
    if (name && name !== "none") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** What the premium of a day did: first, last, highest, lowest, its VWAP; null without a minute that has a price. */
export function premiumOf(minutes, name, vwap) {
  const told = minutes.map((minute) => ({ at: minute.at, value: figure(minute[name]), mean: figure(minute[vwap]) })).filter(({ value }) => value !== null);
  if (told.length === 0) return null;
  const values = told.map(({ value }) => value);
  const last = told.at(-1);
  return { first: told[0], last, high: Math.max(...values), low: Math.min(...values), mean: last.mean, gap: last.mean === null ? null : last.value - last.mean };
}

// --- legs: picked in a chain, carried in an address

const LEG = /^(BUY|SELL):(.+):(\d{1,4})$/;

/** The legs of a query, unreadable ones left out: `BUY:NFO:NIFTY26NOV24800CE:1,…`. */
export function legsOf(text) {
  return String(text ?? "").split(",").flatMap((part) => {
    const found = LEG.exec(part.trim());
    return found && Number(found[3]) > 0 ? [{ side: found[1], instrument: found[2], lots: Number(found[3]) }] : [];
  });
}

/** Legs as a query carries them. */
export const legsText = (legs) => legs.map(({ side, instrument, lots }) => `${side}:${instrument}:${lots}`).join(",");

/** Add one lot on a side; a lot of the other side is taken off first, and a leg without lots goes. */
export function withLeg(legs, side, instrument) {
  const held = legs.find((leg) => leg.instrument === instrument);
  if (!held) return [...legs, { side, instrument, lots: 1 }];
  const lots = held.side === side ? held.lots + 1 : held.lots - 1;
  if (lots === 0) return legs.filter((leg) => leg !== held);
  return legs.map((leg) => (leg === held ? { ...leg, lots } : leg));
}

/** Legs with what the chain knows of them: strike, kind, the price on the side they trade. Buys come first, as they would be sent. */
export function legsPriced(legs, rows) {
  const known = new Map(rows.flatMap((row) => [["CE", row.ce], ["PE", row.pe]].filter(([, side]) => side?.instrument).map(([kind, side]) => [side.instrument, { strike: row.strike, kind, side }])));
  return legs.map((leg) => {
    const found = known.get(leg.instrument);
    const price = found ? figure(leg.side === "SELL" ? found.side.bid : found.side.ask) : null;
    return { ...leg, strike: found?.strike ?? null, kind: found?.kind ?? null, price: price !== null && price > 0 ? price : null };
  }).sort((a, b) => (a.side === b.side ? 0 : a.side === "BUY" ? -1 : 1));
}

/**
 * What priced legs come to at expiry, before charges, per lots of `lotSize`: `{credit, maxProfit, maxLoss, breakevens}`; an
 * unbounded side is null. Null altogether while a leg has no price or its strike is not in the chain.
 */
export function outcomeOf(legs, lotSize) {
  if (legs.length === 0 || !(lotSize > 0) || legs.some((leg) => leg.price === null || leg.strike === null)) return null;
  const signed = (leg) => (leg.side === "BUY" ? 1 : -1) * leg.lots * lotSize;
  const worth = (leg, at) => Math.max(0, leg.kind === "CE" ? at - leg.strike : leg.strike - at);
  const payoff = (at) => legs.reduce((sum, leg) => sum + signed(leg) * (worth(leg, at) - leg.price), 0);
  const corners = [0, ...new Set(legs.map((leg) => leg.strike))].sort((a, b) => a - b);
  const values = corners.map(payoff);
  const rise = legs.filter((leg) => leg.kind === "CE").reduce((sum, leg) => sum + signed(leg), 0);
  return {
    credit: -legs.reduce((sum, leg) => sum + signed(leg) * leg.price, 0),
    maxProfit: rise > 0 ? null : Math.max(...values),
    maxLoss: rise < 0 ? null : Math.min(...values),
    breakevens: crossings(corners, values, rise),
  };
}

function crossings(corners, values, rise) {
  const found = [];
  for (let at = 1; at < corners.length; at += 1) {
    const [left, right] = [values[at - 1], values[at]];
    if (left * right < 0) found.push(corners[at - 1] + ((corners[at] - corners[at - 1]) * left) / (left - right));
  }
  const last = values.at(-1);
  if (rise !== 0 && last !== 0 && Math.sign(last) !== Math.sign(rise)) found.push(corners.at(-1) - last / rise);
  return found;
}

// --- the time machine

/** The index of the newest minute that is not after a moment; -1 where all are. */
export function minuteAt(minutes, at) {
  const wanted = Date.parse(at);
  return minutes.findLastIndex((minute) => Date.parse(minute.at) <= wanted);
}
