// Sending recordings: several at once, each with its own line; NAME.json beside NAME.opus tells what is known of that call.

import { data } from "./app.js";

const AT_ONCE = 2;
// Of these our own sentence says what to do and the service's which key or which file it is about.
const PRECISE = new Set(["bad_metadata"]);
const texts = data("texts");
const form = document.getElementById("upload");
const list = document.getElementById("sending");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
const waiting = [];
let busy = 0;

const say = (key, values = {}) => texts.upload[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function line(name) {
  const item = document.getElementById("sending-row").content.firstElementChild.cloneNode(true);
  item.querySelector(".file").textContent = name;
  const progress = item.querySelector("progress");
  progress.setAttribute("aria-label", name);
  list.append(item);
  return {
    item,
    /** `text` is a text, or pieces of one. */
    tell(text, state = "") {
      item.className = state;
      const said = item.querySelector(".said");
      // What came of it is announced, not every percent on the way.
      said.setAttribute("aria-live", state ? "polite" : "off");
      said.replaceChildren(...[text].flat());
      progress.hidden = Boolean(state);
    },
    progress(part) {
      progress.value = part * 100;
    },
    link(id) {
      const link = document.createElement("a");
      link.href = `/calls/${id}`;
      link.textContent = say("open");
      item.querySelector(".said").append(" ", link);
    },
    retry(action) {
      const button = item.querySelector("button");
      button.hidden = false;
      button.addEventListener("click", () => ((button.hidden = true), action()), { once: true });
    },
  };
}

/** What the form says about all recordings of this batch; what a file of its own says wins. */
function common() {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string" && value.trim()));
}

async function take(files) {
  const stem = (name) => name.replace(/\.[^.]*$/, "");
  const notes = new Map();
  const recordings = [];
  for (const file of files) {
    if (file.name.startsWith(".")) continue;
    if (/\.json$/i.test(file.name)) notes.set(stem(file.name), file);
    else recordings.push(file);
  }
  for (const file of recordings) {
    const note = notes.get(stem(file.name)) ?? notes.get(file.name);
    if (note) notes.delete(stem(note.name));
    const row = line(file.name);
    let known = common();
    if (note) {
      try {
        const said = JSON.parse(await note.text());
        known = { ...known, ...(said.meta ?? said) };
      } catch {
        row.tell(say("bad_json", { file: note.name }), "refused");
        continue;
      }
    }
    if (file.size > Number(form.dataset.limit)) {
      row.tell(texts.failure.too_large, "refused");
      continue;
    }
    row.tell(say("waiting"));
    waiting.push({ file, known, row });
  }
  for (const note of notes.values()) line(note.name).tell(say("lonely_json"), "refused");
  next();
}

function next() {
  while (busy < AT_ONCE && waiting.length) {
    busy += 1;
    const one = waiting.shift();
    send(one)
      .catch(() => {
        one.row.tell(say("network"), "refused");
        one.row.retry(() => (waiting.push(one), next()));
      })
      .finally(() => {
        busy -= 1;
        htmx.trigger(document.body, "recording-sent");
        next();
      });
  }
}

/** Sends one file; fetch can't tell how far it is, so the older interface does it. */
function send({ file, known, row }) {
  const body = new FormData();
  if (Object.keys(known).length) body.append("metadata", JSON.stringify(known));
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", "/api/v1/recordings");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    row.progress(event.loaded / event.total);
    row.tell(say("sending", { percent: Math.round((100 * event.loaded) / event.total) }));
  });
  return new Promise((resolve, reject) => {
    request.addEventListener("error", reject);
    request.addEventListener("abort", reject);
    request.addEventListener("load", () => {
      if (request.status === 401) location.assign("/sign-in?next=/upload");
      else if (request.status >= 500 || !request.response) return reject();
      else tellOutcome(request.response, row, request.status < 300);
      resolve();
    });
    request.send(body);
  });
}

/** The service's own words, which are English whatever language the page is in. */
function english(text) {
  const own = document.createElement("span");
  own.lang = "en";
  own.textContent = text;
  return own;
}

function refusal({ code, detail }) {
  const known = texts.failure[code];
  if (known) return PRECISE.has(code) ? [known, " ", english(detail)] : known;
  const [before, after = ""] = texts.upload.refused.split("{reason}");
  return [before, english(detail), after];
}

function tellOutcome(answer, row, taken) {
  if (!taken) {
    row.tell(refusal(answer), "refused");
    return;
  }
  row.tell(say(answer.outcome, { file: answer.same_as ?? "" }), answer.outcome);
  if (answer.id) row.link(answer.id);
}

input.addEventListener("change", () => {
  take([...input.files]);
  input.value = "";
});
form.addEventListener("submit", (event) => event.preventDefault());
for (const event of ["dragenter", "dragover"]) {
  addEventListener(event, (dragged) => {
    if (![...dragged.dataTransfer.types].includes("Files")) return;
    dragged.preventDefault();
    drop.classList.add("over");
  });
}
for (const event of ["dragleave", "drop"]) {
  addEventListener(event, (dragged) => {
    if (event === "dragleave" && dragged.relatedTarget) return;
    dragged.preventDefault();
    drop.classList.remove("over");
    if (event === "drop") take([...dragged.dataTransfer.files]);
  });
}
addEventListener("beforeunload", (event) => {
  if (busy) event.preventDefault();
});
