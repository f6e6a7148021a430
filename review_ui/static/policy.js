// The policy pages: narrows the list of categories while one types, j and k move through it, Ctrl Enter tries a dialogue.

import { bind } from "./app.js";

const narrow = matchMedia("(max-width: 960px)").matches;
const list = document.getElementById("list");

if (list) {
  const box = document.getElementById("q");
  const none = document.getElementById("none");
  const links = () => [...list.querySelectorAll("nav li:not([hidden]) a, nav a.whole")];

  // Where there is no room beside it, the list waits to be asked for once a category is open.
  if (narrow && list.querySelector("li a[aria-current]")) list.querySelector(".fold").open = false;
  // Within the list only: the page itself stays where it is.
  const chosen = list.querySelector("li a[aria-current]");
  if (chosen) list.scrollTop = chosen.offsetTop - list.clientHeight / 2;

  box.addEventListener("input", () => {
    const wanted = box.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const section of list.querySelectorAll("nav section")) {
      let inside = 0;
      for (const item of section.querySelectorAll("li")) {
        const text = item.dataset.text.toLocaleLowerCase();
        item.hidden = !wanted.every((part) => text.includes(part));
        inside += !item.hidden;
      }
      section.hidden = !inside;
      shown += inside;
    }
    none.hidden = shown > 0;
    list.querySelector(".fold").open = true;
  });
  box.form.addEventListener("submit", (event) => {
    const first = list.querySelector("nav li:not([hidden]) a");
    if (!first) return;
    event.preventDefault();
    first.click();
  });

  const move = (step) => {
    const all = links();
    const here = all.indexOf(document.activeElement);
    const start = here < 0 ? all.findIndex((link) => link.hasAttribute("aria-current")) : here;
    all[Math.min(Math.max(start + step, 0), all.length - 1)]?.focus();
  };
  bind({ j: () => move(1), k: () => move(-1) });
}

document.getElementById("text")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
});
document.getElementById("case")?.addEventListener("change", (event) => event.target.value && event.target.form.requestSubmit());

// Where the result lies below the form, asking for it is asking to see it.
document.body.addEventListener("htmx:afterSwap", () => {
  if (narrow) document.getElementById("tried")?.scrollIntoView({ block: "start" });
});
