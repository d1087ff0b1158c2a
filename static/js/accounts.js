// The Accounts pages: plain forms; what is added here is copying, and a question before what cannot be taken back.
import { ask } from "windhover/dialogs";
import { byId } from "windhover/dom";
import { frame } from "windhover/shell";
import { toast } from "windhover/toast";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = byId(button.dataset.copy);
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      toast("Copied.");
    } catch {
      toast("The browser does not let the page copy; the address is selected.", "warn");
    }
  });
}

const QUESTIONS = {
  remove: {
    title: "Remove this account",
    rows: [[1, "account with its key, secret, limits and addresses is forgotten"], [0, "orders or positions are touched: with any of them it stays"]],
    label: "Remove",
  },
  logout: {
    title: "Log out at the broker",
    rows: [[0, "orders are sent for this account until its next login, exits included"], ["All", "positions and resting orders stay as they are, watched by nobody here"]],
    label: "Log out",
  },
  disable: {
    title: "Disable this account",
    rows: [[0, "desks hold it: its strategies stand still until it is enabled"], [0, "positions are closed or orders cancelled: with any of them open it stays enabled"]],
    label: "Disable",
  },
};
for (const [verb, question] of Object.entries(QUESTIONS)) {
  for (const form of document.querySelectorAll(`form[action$="/${verb}"]`)) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask({ ...question, act: () => form.submit() });
    });
  }
}

// One click each: a second one would only repeat the first.
for (const form of document.querySelectorAll("main form")) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    setTimeout(() => {
      for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
    });
  });
}
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("main button[disabled]")) button.disabled = false;
});

frame({ acts: [{ keys: "c", label: "Connect an account", run: () => { location.href = "/brokers/accounts/connect"; } }] });
