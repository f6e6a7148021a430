// What every page shares: keys, the help dialog, the menu, and the browser's time zone for the server's dates.

const bound = new Map();
let pending = "";

/** Binds keys to actions: `{ j: fn, " ": fn, "g q": fn, "⇧ArrowLeft": fn }`. A later binding of the same key wins. */
export function bind(actions) {
  for (const [key, action] of Object.entries(actions)) bound.set(key, action);
}

/** The texts that the page hands to its script. */
export function data(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const letters = document.documentElement.dataset.keySet !== "no_letters";

function typing(target) {
  return target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button])");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const dialog = document.getElementById("keys");
  if (dialog.open || typing(event.target)) return;
  if (!letters && event.key.length === 1 && event.key !== " ") return;
  // Buttons, links and folds keep the keys that work them.
  if ((event.key === " " || event.key === "Enter") && event.target.closest("button, summary, a")) return;
  const key = event.shiftKey && event.key.startsWith("Arrow") ? `⇧${event.key}` : event.key;
  const chord = pending ? `${pending} ${key}` : key;
  pending = "";
  const action = bound.get(chord);
  if (action) {
    event.preventDefault();
    action(event);
  } else if ([...bound.keys()].some((known) => known.startsWith(`${key} `))) {
    pending = key;
    setTimeout(() => (pending = ""), 1000);
  }
});

// A button worked by the mouse gives the keyboard back to the page: space then plays instead of pressing it again.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (button && event.detail > 0) button.blur();
  for (const menu of document.querySelectorAll("details.menu[open]:not(.plain)")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

bind({
  "?": () => document.getElementById("keys").showModal(),
  "/": () => {
    const box = document.getElementById("q");
    if (box) box.select();
    else location.assign("/search");
  },
  "g q": () => location.assign("/"),
  "g p": () => location.assign("/policy"),
  "g u": () => location.assign("/upload"),
  Escape: () => document.querySelectorAll("details.menu[open]:not(.plain)").forEach((menu) => (menu.open = false)),
});

// Where letters are no keys, nothing beside a button says that they are.
for (const hint of letters ? [] : document.querySelectorAll("button kbd, a kbd, .foot kbd")) {
  if (hint.textContent.length > 1) continue;
  hint.closest("[aria-keyshortcuts]")?.removeAttribute("aria-keyshortcuts");
  const whole = hint.closest(".foot span");
  (whole && !whole.querySelector("button") ? whole : hint).remove();
}

for (const opener of document.querySelectorAll("[data-keys]")) {
  opener.addEventListener("click", () => document.getElementById("keys").showModal());
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `forbear_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;

/** Has something read out. Its place stays, because a live region that is itself put in anew is not read out. */
export function announce(text) {
  document.getElementById("announcement").textContent = text;
}

// What a swap changed is said once.
const said = () => [...document.querySelectorAll("[data-say]")].map((one) => one.dataset.say || one.textContent.trim()).join(" ");
let last = said();
document.addEventListener("htmx:afterSettle", () => {
  const now = said();
  if (now !== last) announce((last = now));
});

// A swap leaves the focus with what has the same id, which htmx sees to. "More" goes for good: the first of what it
// brought takes its place.
let before = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const left = detail.requestConfig.elt.matches("[data-more]") && detail.target.contains(document.activeElement);
  before = left ? detail.target.previousElementSibling : null;
});
document.addEventListener("htmx:afterSwap", () => {
  before?.nextElementSibling?.querySelector("a")?.focus();
  before = null;
});
