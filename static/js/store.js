// What the sockets have said so far: one state per (account, topic), merged from snapshots and deltas.
const keyOf = (frame) => `${frame.account ?? ""}/${frame.topic}`;

/** Merge a delta into a state at its top level: null removes a key. Returns a new object. */
export function merged(state, data) {
  const next = { ...state };
  for (const [key, value] of Object.entries(data)) {
    if (value === null) delete next[key];
    else next[key] = value;
  }
  return next;
}

/** The same store as seen from one account, or from all of them; `choose` tells the listeners of every topic. */
export function scoped(store) {
  let chosen = "";
  const heard = new Set();
  return {
    ...store,
    states(topic) {
      return store.states(topic).filter((state) => !chosen || state.account === chosen);
    },
    on(topic, listener) {
      if (topic !== "*") heard.add(listener);
      store.on(topic, listener);
    },
    // an account that has said nothing yet has empty lists, not another one's
    has: (topic) => chosen !== "" || store.has(topic),
    chosen: () => chosen,
    choose(account) {
      chosen = account;
      for (const listener of heard) listener();
    },
  };
}

/** Keep states and tell listeners which topic changed. `now` gives milliseconds of a monotonic clock. */
export function createStore(now = () => performance.now()) {
  const states = new Map();
  const listeners = new Map();

  function tell(topic) {
    for (const listener of listeners.get(topic) ?? []) listener();
    for (const listener of listeners.get("*") ?? []) listener(topic);
  }

  return {
    /** Take a frame: "applied", "old" (already known) or "gap" (a frame is missing; ask for a snapshot). */
    apply(frame) {
      const key = keyOf(frame);
      const held = states.get(key);
      if (frame.type === "delta") {
        if (!held) return "gap";
        if (frame.seq <= held.seq) return "old";
        if (frame.seq !== held.seq + 1 && frame.since !== held.seq) return "gap";
      }
      const base = frame.type === "delta" ? held.data : {};
      const data = merged(base, frame.data ?? {});
      const changed = frame.type === "delta" ? new Set(Object.keys(frame.data ?? {})) : null;
      const arrived = held && changed ? new Map(held.arrived) : new Map();
      for (const name of Object.keys(frame.data ?? {})) arrived.set(name, now());
      states.set(key, { account: frame.account ?? "", seq: frame.seq, at: frame.at, data, received: now(), arrived });
      tell(frame.topic);
      return "applied";
    },

    /** Every account's state of a topic. */
    states(topic) {
      return [...states.entries()].filter(([key]) => key.endsWith(`/${topic}`)).map(([, state]) => state);
    },

    /** The rows of a topic over all accounts: each with its key, its account and how long ago it came (s). */
    rows(topic) {
      return this.states(topic).flatMap((state) =>
        Object.entries(state.data)
          .filter(([, value]) => value !== null && typeof value === "object" && !Array.isArray(value))
          .map(([key, value]) => ({
            account: state.account,
            ...value,
            key,
            sinceFrame: (now() - (state.arrived.get(key) ?? state.received)) / 1000,
          })),
      );
    },

    has(topic) {
      return this.states(topic).length > 0;
    },

    on(topic, listener) {
      listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
    },
  };
}
