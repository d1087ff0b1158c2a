// The page's one websocket: frames in, acknowledgements out, and it comes back by itself.
// The desk pings every ten seconds.
const SILENCE_MS = 15_000;
// The desk will not have us: trying again changes nothing.
const FINAL_CODES = new Map([[4401, "signed-out"], [4403, "refused"], [4404, "refused"]]);

/** How long to wait before the n-th attempt (ms): doubling to half a minute, with jitter so that pages do not return together. */
export function backoff(attempt, random = Math.random) {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling * (0.5 + random() / 2));
}

/** Keep a socket to `path` open; states are "connecting", "live", "down", "signed-out" and "refused". */
export function connect({ path, store, onState, onEvent = () => {} }) {
  let socket = null;
  let attempt = 0;
  let retry = null;
  let watchdog = null;
  let lastFrameAt = null;
  let ended = false;

  const address = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
  const say = (message) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));

  function state(name, details = {}) {
    onState({ name, attempt, lastFrameAt, ...details });
  }

  function heard() {
    lastFrameAt = performance.now();
    clearTimeout(watchdog);
    watchdog = setTimeout(() => socket?.close(4000, "silence"), SILENCE_MS);
  }

  function take(frame) {
    if (frame.v !== 1) return;
    if (frame.type === "ping") {
      say({ type: "pong" });
      return;
    }
    if (frame.type === "event") {
      onEvent(frame);
      return;
    }
    const named = { topic: frame.topic, ...(frame.account ? { account: frame.account } : {}) };
    if (store.apply(frame) === "gap") say({ type: "snapshot", ...named });
    say({ type: "ack", seq: frame.seq, ...named });
  }

  function open() {
    retry = null;
    state("connecting");
    socket = new WebSocket(address());
    socket.addEventListener("open", () => {
      attempt = 0;
      heard();
      state("live");
    });
    socket.addEventListener("message", (message) => {
      heard();
      let frame;
      try {
        frame = JSON.parse(message.data);
      } catch {
        socket.close(4002, "unreadable frame");
        return;
      }
      take(frame);
    });
    socket.addEventListener("close", (event) => {
      clearTimeout(watchdog);
      if (ended) return;
      if (FINAL_CODES.has(event.code)) {
        state(FINAL_CODES.get(event.code));
        return;
      }
      later();
    });
  }

  function later() {
    const wait = backoff(attempt);
    attempt += 1;
    state("down", { retryAt: performance.now() + wait });
    retry = setTimeout(open, wait);
  }

  function now() {
    if (retry === null) return;
    clearTimeout(retry);
    open();
  }

  function close() {
    ended = true;
    clearTimeout(retry);
    clearTimeout(watchdog);
    socket?.close();
  }

  const closed = new AbortController();
  const until = { signal: closed.signal };
  addEventListener("online", now, until);
  addEventListener("pagehide", close, until);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    ended = false;
    open();
  }, until);
  open();
  return {
    now,
    /** End it for good: a page that asks for another address opens another. */
    close() {
      closed.abort();
      close();
    },
  };
}
