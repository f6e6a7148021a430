// The list of calls: j and k move through the rows, Enter opens, and the call page learns what comes before and after.

import { bind } from "./app.js";
import { remember } from "./neighbours.js";

const links = () => [...document.querySelectorAll("#rows .open")];

function move(step) {
  const all = links();
  const here = all.indexOf(document.activeElement);
  const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1)];
  next?.focus();
}

bind({ j: () => move(1), k: () => move(-1) });

// Whoever lets the new calls in stands on the first row afterwards: there is no link to them any more.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.requestConfig?.elt.id === "let-in" && document.activeElement === document.body) links()[0]?.focus();
});

addEventListener("pagehide", () => {
  remember([...document.querySelectorAll("#rows [data-call]")].map((row) => row.dataset.call), location.pathname + location.search);
});

// Back from a call the reader stands on its row again.
const from = document.referrer && new URL(document.referrer);
if (from?.origin === location.origin && from.pathname.startsWith("/calls/")) {
  document.querySelector(`#rows [data-call="${CSS.escape(from.pathname.split("/")[2])}"] .open`)?.focus();
}
