// Calls to the desk's own API, and the one shape of a refusal.
export class Refused extends Error {
  constructor({ code, message, field = null, details = {}, status }) {
    super(message);
    this.code = code;
    this.field = field;
    this.details = details;
    this.status = status;
  }
}

function token() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function answer(response) {
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = body?.error ?? {
    code: `http.${response.status}`,
    message: `The desk answered ${response.status} without saying why; nothing is known to have changed.`,
  };
  throw new Refused({ ...error, status: response.status });
}

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused({ code: "offline", message: "The desk cannot be reached. The request may not have arrived.", status: 0 });
  }
  return answer(response);
}

export function read(path) {
  return call(path, { headers: { Accept: "application/json" } });
}

/** Write with a fresh Idempotency-Key, or the given one when the same act is tried again. */
export function write(path, body, idempotencyKey = key()) {
  return call(path, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": token(),
      "Idempotency-Key": idempotencyKey,
    },
    body: JSON.stringify(body),
  });
}

/** Take away what an address names. */
export function remove(path) {
  const headers = { Accept: "application/json", "X-CSRFToken": token(), "Idempotency-Key": key() };
  return call(path, { method: "DELETE", headers });
}

export { key as newKey };
