// What makes the pages quicker to use. Without it every page and every form works as well.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));  // text stays text
  return made;
}

// -- the theme: a cookie, so that the server draws the page in it

one("#theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `portico_theme=${root.dataset.theme}; path=/console; max-age=31536000; samesite=strict`;
  document.dispatchEvent(new Event("theme"));
});

// -- times, in the reader's own zone. By hand: the first use of Intl costs more than the whole page.

const two = (number) => String(number).padStart(2, "0");
const clock = (at) => [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
const day = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(at)}`;

for (const time of all("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.valueOf())) continue;
  time.textContent = time.dataset.form === "clock" ? clock(at) : day(at);
  time.title = time.dateTime;
}

// -- what is not needed for the first sight of a page: scripts and styles that stand in a template

function afterPaint(work) {
  requestAnimationFrame(() => setTimeout(work));
}

afterPaint(() => {
  for (const later of all("template[data-later]")) {
    const waiting = document.importNode(later.content, true);
    for (const script of all("script", waiting)) script.async = false;  // in the order they stand in
    document.head.append(waiting);
  }
});

// -- small things

for (const button of all("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = one(button.dataset.copy).textContent;
    let said = "Copied";
    try { await navigator.clipboard.writeText(text); } catch { said = "Select and copy it by hand"; }
    const before = button.textContent;
    button.textContent = said;
    setTimeout(() => { button.textContent = before; }, 1600);
  });
}
for (const field of all("form[data-auto] select, form[data-auto] input[type=checkbox]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
for (const form of all("form[data-ask]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.ask)) event.preventDefault();
  });
}

// What cannot be sent again (a file) is not sent to a page that would ask for a key.
for (const form of all("form[data-careful]")) {
  form.addEventListener("submit", async (event) => {
    if (form.dataset.sure) return;
    event.preventDefault();
    const button = event.submitter;
    const answer = await fetch("/console/session", { headers: { accept: "application/json" } }).catch(() => null);
    const over = one("[data-over]", form);
    if (answer && answer.ok) {
      form.dataset.sure = "yes";
      const busy = one("[data-busy]", form);
      if (busy) busy.hidden = false;
      form.requestSubmit(button);
      if (button) button.disabled = true;
    } else if (over) {
      over.hidden = false;
      over.focus();
    }
  });
}
addEventListener("pageshow", () => {
  for (const form of all("form[data-careful]")) {
    delete form.dataset.sure;
    for (const button of all("button", form)) button.disabled = false;
  }
});

// -- dropping a picture

for (const drop of all(".drop")) {
  const input = one("input[type=file]", drop), preview = one("img[data-preview]", drop), name = one("[data-name]", drop);
  const shown = () => {
    const [file] = input.files;
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = !file;
    if (file) preview.src = URL.createObjectURL(file);
    name.textContent = file ? file.name : "";
  };
  input.addEventListener("change", shown);
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; shown(); }
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) { input.files = event.clipboardData.files; shown(); }
  });
}

// -- the live view: batches, at most one change of the page in each

const ROWS = 40;

function seconds(value) {
  return value < 0.9995 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

function line(row, fresh) {
  const at = new Date(row.started * 1000);
  const tone = { answered: "good", abandoned: "", refused: "warn" }[row.outcome] ?? "bad";
  return node("tr", { class: fresh ? "fresh" : null },
    node("td", {}, node("a", { href: `/console/requests/${encodeURIComponent(row.id)}` },
      node("time", { datetime: at.toISOString(), title: at.toISOString() }, clock(at)))),
    node("td", { class: "break" }, row.asked + (row.role && row.role !== row.asked ? ` → ${row.role}` : ""),
      row.task ? node("span", { class: "sub" }, row.task) : null),
    node("td", { class: "break" }, row.target ?? "nobody", " ",
      row.simulated ? node("span", { class: "badge sim" }, "SIMULATED") : null),
    node("td", {}, node("span", { class: `badge ${tone}` }, row.outcome), " ",
      row.degraded ? node("span", { class: "badge warn", title: row.degraded }, "degraded") : null),
    node("td", { class: "num", "data-label": "attempts" }, String(row.attempts)),
    node("td", { class: "num", "data-label": "took" }, seconds(row.took)));
}

const ribbon = one("#live");
if (ribbon && "EventSource" in window) afterPaint(() => {
  const body = one("tbody", ribbon), state = one("#live-state"), pause = one("#live-pause");
  let held = [], paused = false, count = 0, since = Date.now();
  const show = (rows) => {
    if (!rows.length) return;
    one("#live-empty")?.remove();
    const few = rows.length <= 8;  // many that light up at once are no sign of anything, and cost frames
    body.prepend(...rows.slice(-ROWS).reverse().map((row) => line(row, few)));
    while (body.rows.length > ROWS) body.deleteRow(-1);
  };
  const source = new EventSource(ribbon.dataset.source);
  source.addEventListener("open", () => { state.textContent = "live"; });
  source.addEventListener("error", () => { state.textContent = "not connected, trying again"; });
  source.addEventListener("over", () => { source.close(); state.textContent = "ended: load the page again"; });
  source.addEventListener("message", (event) => {
    const told = JSON.parse(event.data);
    one("#in-flight").textContent = told.in_flight;
    if (told.worker) state.textContent = `live: worker ${told.worker} of several, not the others`;
    for (const cell of all("[data-busy-target]")) {
      cell.textContent = told.under_way[cell.dataset.busyTarget] ?? 0;
    }
    if (told.ended) {
      count += told.ended;
      const passed = (Date.now() - since) / 1000;
      if (passed >= 2) { one("#live-rate").textContent = `${(count / passed).toFixed(1)}/s`; count = 0; since = Date.now(); }
    }
    if (paused) held = [...held, ...(told.rows ?? [])].slice(-ROWS);
    else show(told.rows ?? []);
  });
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) { show(held); held = []; }
  });
  addEventListener("pagehide", () => source.close());
});
