// The top bar and the rail's foot: socket, feeds, market clock, desk heartbeat, switches.
import { read } from "windhover/api";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { age, clock, moment, titled } from "windhover/format";
import { engagedSwitches, orderBans } from "windhover/shapes";

const POLL_MS = 4000;
const LEASE_LATE_S = 5;
const LATE_S = 8;
const APART_MS = 60_000;

export function freshness({ store, quotes, marketTime, onStatus, chosen }) {
  let link = { name: "connecting", lastFrameAt: null };
  let status = null;
  let statusAt = null;
  let statusFailed = false;
  let hubHeard = true;

  function linkWords() {
    const silent = link.lastFrameAt === null ? null : (performance.now() - link.lastFrameAt) / 1000;
    if (link.name === "live") return hubHeard ? ["ok", "Connected"] : ["bad", "The page hears no desk: figures are history"];
    if (link.name === "signed-out") return ["bad", "Signed out: reload to sign in"];
    if (link.name === "refused") return ["bad", "This address is not the desk's: open it at its own"];
    const history = silent === null ? "" : `, figures ${age(silent)} old`;
    if (link.name === "down") {
      const wait = Math.max(0, Math.ceil((link.retryAt - performance.now()) / 1000));
      return ["bad", `Offline${history}, next try in ${wait} s`];
    }
    return [silent === null ? "" : "warn", `Connecting${history}`];
  }

  function feedTags() {
    const all = store.states("feeds");
    // a feed that carries nothing has no age; the inbox asks for the login that it may want
    const carrying = all.filter(({ data }) => Number(data.instruments) > 0);
    const shown = carrying.length ? carrying : all.slice(0, 1);
    return shown.map(({ account, data, arrived, received }) => {
      const own = quotes().filter((quote) => quote.account === account);
      const since = (performance.now() - (arrived.get("age_s") ?? received)) / 1000;
      const seen = (data.age_s ?? null) === null ? null : Math.min(Number(data.age_s) + since, ...own.map((quote) => quote.ageNow));
      const known = (status?.accounts ?? []).find((one) => one.id === account);
      const name = shown.length > 1 && known ? known.label : titled(known?.venue ?? "Feed");
      const isIdle = Number(data.instruments) === 0 && !data.stale;
      const late = !isIdle && (data.stale || seen === null || seen > LATE_S);
      const count = own.filter((quote) => quote.stale).length;
      return {
        key: account,
        kind: late ? "warn" : isIdle ? "" : "ok",
        text: isIdle ? `${name}: no instruments` : `${name} ${late ? "STALE " : ""}${seen === null ? data.state : age(seen)}`,
        more: !late && count > 0 ? `${count} stale` : "",
        title: data.reason || `${data.instruments} instruments, ${data.state}`,
      };
    });
  }

  /** Where a venue takes no orders, that and until when: nothing can be entered or left there before. */
  function banTags() {
    return orderBans(store.states("feeds")).map(({ account, until }) => {
      const known = (status?.accounts ?? []).find((one) => one.id === account);
      const sameDay = moment(until).split(",")[0] === moment(Date.now()).split(",")[0];
      return {
        key: `${account}-ban`,
        kind: "bad",
        text: `${titled(known?.venue ?? "Venue")} refuses orders until ${sameDay ? clock(until, { seconds: false }) : moment(until).slice(0, -7)}`,
        title: `${known?.label ?? "The venue"} was asked too often: until ${moment(until)} no order reaches it, an exit neither. The desk tries exits again after that.`,
      };
    });
  }

  function drawFeeds() {
    const tags = [...banTags(), ...feedTags().flatMap((row) => [{ key: row.key, kind: row.kind, text: row.text, title: row.title }, ...(row.more ? [{ key: `${row.key}-stale`, kind: "warn", text: row.more, title: "quotes older than their limit" }] : [])])];
    keyed(byId("feeds"), tags, {
      key: (row) => row.key,
      make: () => ({ element: h("span", { class: "tag" }) }),
      update: ({ element: tag }, row) => {
        setText(tag, row.text);
        setClass(tag, `tag ${row.kind}`);
        tag.title = row.title;
      },
    });
  }

  function phase() {
    const looked = (status?.accounts ?? []).filter((one) => !chosen() || one.id === chosen());
    if (looked.length > 0 && looked.every((one) => one.venue === "aster")) return "always open";
    const phases = Object.values(status?.market ?? {}).map((one) => (typeof one === "string" ? one : one?.phase)).filter(Boolean);
    return phases.length ? String(phases[0]).replaceAll("_", " ") : "";
  }

  /** The market's clock; of two venues that run apart, each with its name. */
  function clocks() {
    const feeds = store.states("feeds").filter((state) => state.data.market_at);
    const byVenue = new Map(feeds.map((state) => [(status?.accounts ?? []).find((one) => one.id === state.account)?.venue ?? "", marketTime(state.account)]));
    const times = [...byVenue.values()];
    const apart = times.length > 1 && Math.max(...times) - Math.min(...times) > APART_MS;
    if (apart) return [...byVenue].map(([venue, at]) => `${titled(venue)} ${clock(at, { seconds: false })}`).join(", ") + " IST";
    return times.length ? `${clock(Math.max(...times))} IST` : "";
  }

  function drawBar() {
    const [kind, text] = linkWords();
    setText(byId("link"), text);
    setClass(byId("link"), `tag ${kind}`);
    document.body.classList.toggle("is-dead", (link.name !== "live" && link.lastFrameAt !== null) || !hubHeard);
    setText(byId("market-clock"), clocks());
    setText(byId("market-phase"), phase());
    drawFeeds();
  }

  function sessionWords(account) {
    if (account.token_expires_at) return `token until ${clock(account.token_expires_at, { seconds: false })}`;
    if (account.state === "live" && account.venue === "aster") return "key in use";
    return account.venue === "aster" ? "key refused" : "no broker session";
  }

  function drawHeartbeat() {
    const looked = (status?.accounts ?? []).filter((one) => !chosen() || one.id === chosen());
    if (looked.length === 0) return;
    const since = (performance.now() - statusAt) / 1000;
    const leaseOf = (one) => (one.lease_age_s === null ? NaN : Number(one.lease_age_s) + since);
    const isLate = (one) => !(leaseOf(one) <= LEASE_LATE_S + POLL_MS / 1000);
    // of several, the one that is worst off
    const account = looked.find(isLate) ?? looked[0];
    const [lease, late] = [leaseOf(account), isLate(account)];
    setText(byId("account-name"), looked.length > 1 && !late ? `${looked.length} accounts` : account.label ?? account.id);
    setText(byId("account-token"), looked.map(sessionWords).join(", "));
    const owner = account.hosted_by || "desk";
    setText(byId("heartbeat"), statusFailed ? "desk not answering" : Number.isNaN(lease) ? "no desk holds this account" : late ? `no desk for ${age(lease)}` : `${owner}, ${age(Math.max(0, lease))} ago`);
    setText(byId("more-heartbeat"), `${byId("account-name").textContent}, ${byId("account-token").textContent}; ${byId("heartbeat").textContent}`);
    setClass(byId("heartbeat"), `state ${statusFailed || late ? "halted" : "running"}`);
  }

  function drawSwitches() {
    const rows = store.has("switches") ? store.rows("switches") : status?.switches ?? [];
    const engaged = engagedSwitches(rows);
    const broad = engaged[0];
    setText(byId("kill-word"), broad ? "Release" : "Kill switch");
    byId("kill").classList.toggle("pulled", Boolean(broad));
    byId("killed").hidden = !broad;
    if (broad) {
      setText(byId("killed"), "Entries refused");
      byId("killed").title = broad.reason ? `${broad.reason} (${titled(broad.scope)})` : "";
    }
  }

  function draw() {
    drawBar();
    drawHeartbeat();
    drawSwitches();
  }

  async function poll() {
    try {
      status = await read("/api/status");
      statusAt = performance.now();
      statusFailed = false;
      await onStatus(status);
    } catch {
      statusFailed = true;
    }
    draw();
  }

  store.on("switches", drawSwitches);
  setInterval(draw, 500);
  setInterval(() => document.hidden || poll(), POLL_MS);
  poll();
  return {
    linked(state) {
      link = state;
      draw();
    },
    hub(heard) {
      hubHeard = heard;
      draw();
    },
    status: () => status,
    poll,
    draw,
  };
}
