// The player: one audio element, its waves drawn from stored peaks, and the buttons below them. It knows no findings' meaning.

import WaveSurfer from "./vendor/wavesurfer.esm.js";
import Regions from "./vendor/regions.esm.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5];
const SPEED_KEY = "forbear.speed";
// Browsers may land a hair before the time asked for, which is then in the word before.
const EPSILON_S = 0.01;
const LABEL_PX = 15;
// What went well, and what was merely said, is not to catch the eye.
const QUIET = new Set(["good", "low", "info"]);

export class Player {
  constructor(root, regions) {
    this.root = root;
    this.audio = document.getElementById("audio");
    this.duration = Number(root.dataset.duration);
    this.regions = regions;
    this.regionElements = new Map();
    this.listeners = { time: [], region: [], hover: [] };
    this.zoomed = 0;
    this.audio.controls = false;
    this.#buttons();
    this.#clock();
    this.setSpeed(Number(localStorage.getItem(SPEED_KEY)) || 1);
  }

  on(event, listener) {
    this.listeners[event].push(listener);
  }

  #emit(event, ...values) {
    for (const listener of this.listeners[event]) listener(...values);
  }

  seek(seconds) {
    const target = Math.min(Math.max(seconds + EPSILON_S, 0), this.duration);
    this.audio.currentTime = target;
    this.#show(target);
  }

  move(seconds) {
    this.seek(this.audio.currentTime - EPSILON_S + seconds);
  }

  toggle() {
    if (this.audio.paused) this.audio.play().catch(() => {});
    else this.audio.pause();
  }

  setSpeed(speed) {
    this.audio.playbackRate = this.audio.defaultPlaybackRate = speed;
    document.getElementById("speed").textContent = `${speed}×`;
    localStorage.setItem(SPEED_KEY, String(speed));
  }

  stepSpeed(step) {
    const here = SPEEDS.indexOf(this.audio.playbackRate);
    this.setSpeed(SPEEDS[Math.min(Math.max((here < 0 ? SPEEDS.indexOf(1) : here) + step, 0), SPEEDS.length - 1)]);
  }

  /** Lights the regions of these findings, and only those. */
  light(numbers) {
    for (const [number, element] of this.regionElements) {
      element.style.backgroundColor = tint(element.dataset.tone, numbers.has(number) ? (element.dataset.rest === "0" ? 10 : 45) : Number(element.dataset.rest));
    }
  }

  /** Draws the waves in place of the still picture; the page works without them. */
  async draw() {
    const answer = await fetch(this.root.dataset.lanes);
    if (!answer.ok) return;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const count = bytes[0];
    const size = (bytes.length - 1) / count;
    const peaks = Array.from({ length: count }, (_, i) => Float32Array.from(bytes.subarray(1 + i * size, 1 + (i + 1) * size), (v) => v / 255));
    const marks = Regions.create();
    this.wave = WaveSurfer.create({
      container: "#wave",
      media: this.audio,
      peaks,
      duration: this.duration,
      height: document.querySelector(".still .lane")?.clientHeight ?? 48,
      splitChannels: this.#colours(),
      barWidth: 2,
      barGap: 1,
      barMinHeight: 1,
      cursorWidth: 1.5,
      cursorColor: "transparent",
      maxPeak: 1.04,
      hideScrollbar: false,
      autoScroll: true,
      autoCenter: false,
      cspNonce: document.querySelector("script[nonce]")?.nonce,
      plugins: [marks],
    });
    this.wave.on("ready", () => {
      for (const region of this.regions) this.#mark(marks, region);
      this.#number();
      // The page sought before there was a cursor to follow.
      this.wave.setTime(this.audio.currentTime);
      document.getElementById("waves").classList.add("ready");
    });
    for (const event of ["zoom", "resize"]) this.wave.on(event, () => this.#number());
    this.wave.on("interaction", (seconds) => this.#show(seconds));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.wave.setOptions({ splitChannels: this.#colours() }),
    );
  }

  zoom(step) {
    if (!this.wave) return;
    const fit = this.wave.getWidth() / this.duration;
    this.zoomed = Math.min(Math.max((this.zoomed || fit) * 2 ** step, fit), 200);
    this.wave.zoom(this.zoomed <= fit ? 0 : this.zoomed);
  }

  /** Puts numbers on the regions as far as there is room, the worst first; those on the same words stand side by side. */
  #number() {
    const width = Math.max(this.wave.getWidth(), this.zoomed * this.duration);
    const taken = new Map();
    for (const region of this.regions) {
      const element = this.regionElements.get(region.number);
      if (!element) continue;
      const at = (region.start / this.duration) * width;
      const others = taken.get(region.lane) ?? [];
      const free = [0, LABEL_PX, 2 * LABEL_PX].find((offset) => others.every((other) => Math.abs(other - at - offset) >= LABEL_PX));
      const text = element.lastElementChild;
      text.style.left = `${2 + (free ?? 0)}px`;
      text.style.display = free === undefined ? "none" : "";
      if (free !== undefined) taken.set(region.lane, [...others, at + free]);
    }
  }

  #mark(marks, region) {
    const rest = region.window ? 0 : QUIET.has(region.tone) ? 5 : 16;
    const made = marks.addRegion({
      id: `region-${region.number}`,
      start: region.start,
      end: region.end,
      channelIdx: region.lane,
      drag: false,
      resize: false,
      color: tint(region.tone, rest),
    });
    const element = made.element;
    if (!element) return;
    element.dataset.tone = region.tone;
    element.dataset.rest = rest;
    element.title = `${region.number} ${region.label}`;
    Object.assign(element.style, { borderTop: `3px ${region.window ? "dashed" : "solid"} var(--${colour(region.tone)})`, minWidth: "3px", cursor: "pointer" });
    element.append(label(region));
    made.on("click", (event) => {
      event.stopPropagation();
      this.#emit("region", region.number);
    });
    made.on("over", () => this.#emit("hover", region.number));
    made.on("leave", () => this.#emit("hover", null));
    this.regionElements.set(region.number, element);
  }

  #colours() {
    return [...document.querySelectorAll(".names span")].map((name) => {
      const solid = getComputedStyle(name).color;
      return { waveColor: solid.replace("rgb(", "rgba(").replace(")", ", 0.6)"), progressColor: solid };
    });
  }

  #buttons() {
    const on = (id, action) => document.getElementById(id).addEventListener("click", action);
    on("play", () => this.toggle());
    on("slower", () => this.stepSpeed(-1));
    on("faster", () => this.stepSpeed(1));
    for (const event of ["play", "pause", "ended"]) {
      this.audio.addEventListener(event, () => this.root.classList.toggle("playing", !this.audio.paused));
    }
  }

  /** Tells the time on every change, and on every frame while it plays: `timeupdate` comes four times a second, words more often. */
  #clock() {
    const tick = () => {
      this.#show(this.audio.currentTime);
      if (!this.audio.paused) requestAnimationFrame(tick);
    };
    this.audio.addEventListener("play", tick);
    for (const event of ["seeked", "timeupdate", "pause"]) this.audio.addEventListener(event, () => this.#show(this.audio.currentTime));
  }

  #show(seconds) {
    document.getElementById("now").textContent = clock(seconds);
    this.#emit("time", seconds);
  }
}

/** The finding's number on its region. */
function label(region) {
  const text = document.createElement("span");
  text.textContent = region.number;
  Object.assign(text.style, {
    position: "absolute",
    top: "0",
    left: "2px",
    font: "600 10px/13px system-ui, sans-serif",
    color: `var(--${colour(region.tone)})`,
    pointerEvents: "none",
  });
  return text;
}

function colour(tone) {
  return tone === "info" ? "low" : tone;
}

function tint(tone, percent) {
  return `color-mix(in srgb, var(--${colour(tone)}) ${percent}%, transparent)`;
}

function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const pad = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(tenths / 36000);
  const text = `${pad(Math.floor(tenths / 600) % 60)}:${pad(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
  return hours ? `${hours}:${text}` : text;
}
