// The call page: ties the words, the waves and the findings together, and puts all of it under the keyboard.

import { announce, bind, data } from "./app.js";
import { listAddress, neighbours } from "./neighbours.js";
import { Player } from "./player.js";
import { Transcript } from "./transcript.js";

const root = document.getElementById("player");
const said = document.getElementById("said");
const found = document.getElementById("found");
const follow = document.getElementById("follow");

const player = new Player(root, data("regions"));
const transcript = new Transcript(said, { seek: (seconds) => player.seek(seconds) });
player.on("time", (seconds) => transcript.at(seconds, { playing: !player.audio.paused }));

// --- findings: one is current, those under the pointer are lit everywhere ---

const cards = () => [...found.querySelectorAll(".finding")].filter((card) => !card.closest("details.group:not([open])"));
let current = null;

function choose(card, { seek = true, scroll = true } = {}) {
  current?.removeAttribute("aria-current");
  current = card;
  carry(card ? [card.dataset.f] : []);
  if (!card) return;
  const fold = card.closest("details.group");
  if (fold) fold.open = true;
  card.setAttribute("aria-current", "true");
  if (scroll) card.scrollIntoView({ block: "nearest" });
  if (card.dataset.s === undefined) return;
  const mark = said.querySelector(`mark[data-f~="${card.dataset.f}"]`);
  if (mark) transcript.reveal(mark.closest(".turn"));
  if (seek) player.seek(startOf(card));
}

/** Where the words of a finding begin: evidence names the turn, the first marked word is where to listen. */
function startOf(card) {
  const word = said.querySelector(`mark[data-f~="${card.dataset.f}"] [data-t]`);
  return Number(word ? word.dataset.t : card.dataset.s);
}

/** Chooses the next card, or the one before, and returns it; undefined where there are none. */
function step(by) {
  const all = cards();
  const here = all.indexOf(current);
  const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)];
  choose(next);
  return next;
}

/** By key the focus goes along, and with it what is read out. The card is in sight already. */
const stepByKey = (by) => step(by)?.focus({ preventScroll: true });

/** A button keeps the focus, to be pressed again; what it chose is read out all the same. */
function stepByButton(by) {
  const shown = step(by)?.querySelectorAll("h3 > :not([aria-hidden])") ?? [];
  announce([...shown].map((part) => part.textContent.trim()).join(" "));
}

function light(numbers) {
  const lit = new Set(numbers.map(Number));
  for (const element of document.querySelectorAll("mark[data-f], .finding[data-f]")) {
    element.classList.toggle("lit", element.dataset.f.split(" ").some((number) => lit.has(Number(number))));
  }
  player.light(lit);
  carry(numbers.length || !current ? numbers : [current.dataset.f]);
}

/** Marks the words that carried these findings, each as strongly as it carried them. */
function carry(numbers) {
  const shown = new Set(numbers.map(String));
  for (const word of said.querySelectorAll("[data-carries]")) {
    const pairs = word.dataset.carries.split(" ").map((pair) => pair.split(":"));
    const strength = Math.max(0, ...pairs.filter(([number]) => shown.has(number)).map(([, strength]) => Number(strength)));
    word.classList.toggle("carried", strength > 0);
    for (const each of [1, 2, 3]) word.classList.toggle(`w${each}`, each === strength);
  }
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch" || event.target.closest("#wave")) return;
  const over = event.target.closest("mark[data-f], .finding[data-f], a.no[data-f]");
  light(over ? over.dataset.f.split(" ") : []);
});
player.on("hover", (number) => light(number === null ? [] : [number]));
player.on("region", (number) => choose(document.getElementById(`f${number}`)));

found.addEventListener("click", (event) => {
  const to = event.target.closest("a[data-to]");
  if (to && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    goTo(to);
    return;
  }
  const card = event.target.closest(".finding");
  const link = event.target.closest("a, summary, button");
  if (!card || (link && !link.matches("h3 .at")) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (!getSelection().isCollapsed) return;
  choose(card);
});
// Who asks why wants to see the words; what is heard stays where it is.
found.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches(".reasons[open]")) choose(event.target.closest(".finding"), { seek: false });
  },
  true,
);
/** What a trace or an outcome speaks of, without leaving the page. */
function goTo(link) {
  player.seek(Number(link.dataset.to));
  const turn = document.getElementById(link.hash.slice(1));
  if (turn) transcript.reveal(turn);
}

said.addEventListener("click", (event) => {
  const number = event.target.closest("a.no");
  if (!number) return;
  event.preventDefault();
  choose(document.getElementById(`f${number.dataset.f}`));
});
document.getElementById("before").addEventListener("click", () => stepByButton(-1));
document.getElementById("after").addEventListener("click", () => stepByButton(1));

// --- following: stops as soon as the reader scrolls, starts again when asked ---

function setFollow(on) {
  transcript.following = on;
  follow.setAttribute("aria-pressed", String(on));
  if (on && transcript.now) transcript.reveal(transcript.now);
}
follow.addEventListener("click", () => setFollow(!transcript.following));
for (const event of ["wheel", "touchmove"]) said.addEventListener(event, () => setFollow(false), { passive: true });

// --- calls before and after ---

const goes = { previous: document.getElementById("previous"), next: document.getElementById("next") };

neighbours(location.pathname.split("/").pop()).then((near) => {
  for (const [where, link] of Object.entries(goes)) {
    if (near[where]) {
      link.href = `/calls/${near[where]}`;
      link.hidden = false;
    }
  }
});

const go = (where) => goes[where].hidden || goes[where].click();

bind({
  " ": () => player.toggle(),
  j: () => stepByKey(1),
  k: () => stepByKey(-1),
  r: () => current && (player.seek(startOf(current)), player.audio.play().catch(() => {})),
  ArrowLeft: () => player.move(-5),
  ArrowRight: () => player.move(5),
  "⇧ArrowLeft": () => player.move(-1),
  "⇧ArrowRight": () => player.move(1),
  "[": () => player.stepSpeed(-1),
  "]": () => player.stepSpeed(1),
  "<": () => player.stepSpeed(-1),
  ">": () => player.stepSpeed(1),
  "+": () => player.zoom(1),
  "=": () => player.zoom(1),
  "-": () => player.zoom(-1),
  f: () => setFollow(!transcript.following),
  u: () => location.assign(listAddress()),
  n: () => go("next"),
  p: () => go("previous"),
});

// --- open at the worst second, or where the address says ---

const opensAt = Number(root.dataset.opensAt);
const opensWith = document.getElementById(`f${root.dataset.opensFinding}`);
if (opensWith) choose(opensWith, { scroll: false });
else player.seek(opensAt);
if (transcript.now) transcript.reveal(transcript.now);
player.draw();
