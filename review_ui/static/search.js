// The search page: plays a hit where it stands, one at a time, and stops at its end.

import { bind } from "./app.js";

// Where there is no room beside the hits, what narrows them waits to be asked for.
if (matchMedia("(max-width: 960px)").matches) document.querySelector(".facets .fold")?.removeAttribute("open");

const audio = document.getElementById("preview");
let playing = null;

/** Puts the other word on a hit's button, in its name too. */
function turn(hit) {
  const button = hit.querySelector(".play");
  [button.textContent, button.dataset.stop] = [button.dataset.stop, button.textContent];
  button.setAttribute("aria-label", `${button.textContent} ${hit.querySelector(".at").textContent}`);
  button.classList.toggle("on");
}

function stop() {
  audio.pause();
  if (!playing) return;
  turn(playing);
  playing = null;
}

async function play(hit) {
  stop();
  playing = hit;
  turn(hit);
  if (!audio.src.endsWith(hit.dataset.audio)) audio.src = hit.dataset.audio;
  audio.currentTime = Number(hit.dataset.s);
  // The next hit takes the audio away from one that still loads, which fails for that: it must not stop the next.
  await audio.play().catch(() => {
    if (playing === hit) stop();
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".hit .play");
  if (!button) return;
  const hit = button.closest(".hit");
  if (hit === playing) stop();
  else play(hit);
});

audio.addEventListener("timeupdate", () => {
  if (playing && audio.currentTime >= Number(playing.dataset.e) + 0.2) stop();
});
audio.addEventListener("ended", stop);

const texts = () => [...document.querySelectorAll(".hit .text")];

function move(step) {
  const all = texts();
  const here = all.indexOf(document.activeElement);
  all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1)]?.focus();
}

bind({
  j: () => move(1),
  k: () => move(-1),
  " ": () => {
    const hit = document.activeElement.closest(".hit");
    if (hit && hit !== playing) play(hit);
    else stop();
  },
});
