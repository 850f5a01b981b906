// Keys, clocks and looking again. Every page works without it: nothing is decided here.
"use strict";

const say = (text) => {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
};

// -- Moving among the rows --

const rows = () => [...document.querySelectorAll("[data-row]")];

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  all[Math.max(0, Math.min(all.length - 1, next))].focus();
}

function neighbour(step) {
  const card = document.querySelector("[data-card]");
  const id = card && (step > 0 ? card.dataset.after : card.dataset.before);
  if (id) location.assign("/approvals/" + encodeURIComponent(id));
  else say(step > 0 ? "This is the last one." : "This is the first one.");
}

// -- Keys --

function openWay(id) {
  const way = document.getElementById(id);
  if (!way) return false;
  for (const other of document.querySelectorAll("details.way")) other.open = other === way;
  const first = way.querySelector("input:not([type=hidden]), textarea, select, a, button");
  if (first) first.focus();
  way.scrollIntoView({ block: "nearest" });
  return true;
}

function press(key) {
  const there = document.querySelector(`[data-key="${key}"]`);
  if (there) there.click();
  return Boolean(there);
}

const keys = {
  j: () => (document.querySelector("[data-card]") ? neighbour(1) : move(1)),
  k: () => (document.querySelector("[data-card]") ? neighbour(-1) : move(-1)),
  a: () => openWay("approve"),
  r: () => openWay("reject"),
  e: () => openWay("more"),
  s: () => openWay("more") && document.getElementById("minutes").focus(),
  x: () => {
    const row = document.activeElement.closest && document.activeElement.closest(".row");
    const box = row && row.querySelector("input[type=checkbox]");
    if (!box) return say("This one is decided on alone.");
    box.checked = !box.checked;
    say(box.checked ? "Selected." : "Not selected.");
  },
  A: () => press("A"),
  d: () => location.assign("/people#lend"),
  v: () => press("v"),
  u: () => press("u"),
  "/": () => {
    const find = document.querySelector("input[type=search]");
    if (find) find.focus();
  },
  "?": () => {
    const help = document.getElementById("keys");
    if (help && !help.open) help.showModal();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const field = event.target.closest("input, textarea, select");
  const writes = field && !["radio", "checkbox"].includes(field.type);
  if (event.key === "Escape") {
    if (field) field.blur();
    for (const way of document.querySelectorAll("details.way[open]")) {
      way.open = false;
      way.querySelector("summary").focus();
    }
    return;
  }
  if (writes) return;
  const reject = document.getElementById("reject");
  if (reject && reject.open && event.key >= "1" && event.key <= "9") {
    const preset = reject.querySelector(`[data-preset="${event.key}"]`);
    if (preset) {
      preset.checked = true;
      reject.querySelector("button[type=submit]").focus();
      event.preventDefault();
    }
    return;
  }
  if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

// One way at a time is open, so that no two forms can be taken for each other.
document.addEventListener("toggle", (event) => {
  const way = event.target;
  if (!way.matches || !way.matches("details.way") || !way.open) return;
  for (const other of document.querySelectorAll("details.way")) {
    if (other !== way) other.open = false;
  }
}, true);

// A form is sent once, however often somebody presses.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// -- Clocks --

function left(seconds) {
  if (seconds <= 0) return "expired";
  if (seconds < 60) return `${Math.floor(seconds)} s left to decide`;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours < 1) return `${minutes} min left to decide`;
  if (hours < 24) return `${hours} h ${minutes % 60} min left to decide`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h left to decide`;
}

function tick() {
  for (const clock of document.querySelectorAll("time[data-until]")) {
    const until = Date.parse(clock.dataset.until);
    const text = Number.isNaN(until) ? clock.textContent : left((until - Date.now()) / 1000);
    if (clock.textContent !== text) clock.textContent = text;
  }
}
setInterval(tick, 1000);

// -- Looking again --

async function again() {
  const box = document.getElementById("rows");
  if (!box) return;
  const here = new URLSearchParams(location.search);
  here.set("revision", box.dataset.revision);
  const answer = await fetch(`${box.dataset.rows}?${here}`, { redirect: "error" });
  if (answer.status !== 200) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = page.querySelector(".list");
  if (!list) return;
  const at = document.activeElement && document.activeElement.dataset.row;
  const had = box.querySelector(".list");
  for (const picked of box.querySelectorAll("input[name=seen]:checked")) {
    const still = list.querySelector(`input[value="${CSS.escape(picked.value)}"]`);
    if (still) still.checked = true;
  }
  const more = Number(list.dataset.total) - Number(had ? had.dataset.total : 0);
  box.replaceChildren(list);
  box.dataset.revision = list.dataset.revision;
  document.title = `${list.dataset.total} ${box.dataset.title}`;
  const same = at && rows().find((row) => row.dataset.row === at);
  if (same) same.focus();
  if (more > 0) say(more === 1 ? "One more waits." : `${more} more wait.`);
  tick();
}

async function stillSo() {
  const card = document.querySelector("[data-card]");
  if (!card) return;
  const answer = await fetch(`/approvals/${encodeURIComponent(card.dataset.card)}/state`, { redirect: "error" });
  if (answer.status !== 200) return;
  const now = await answer.json();
  if (String(now.revision) !== card.dataset.revision) document.getElementById("changed").hidden = false;
}

async function look() {
  try {
    if (!document.hidden) await Promise.all([again(), stillSo()]);
  } catch {
    // The server is away for a moment: the next look may find it.
  }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);
