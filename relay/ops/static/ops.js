// Makes the pages smoother; every page works without it. No part of it sends anything but the page's own forms.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Times: told in the reader's zone, and growing older ------------------------------------------------------
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const day = { day: "numeric", month: "short" };
const minute = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const show = (options) => new Intl.DateTimeFormat("en-GB", options);
const AT = show(minute), DAY_AT = show({ ...day, ...minute });
const EXACT = show({ ...day, ...minute, second: "2-digit" });
const UNITS = [["day", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function span(seconds) {
  const [unit, size] = UNITS.find(([name, of]) => seconds >= of * (name === "day" ? 2 : 1)) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit}${unit === "day" ? "s" : ""}`;
}

function ago(then) {
  const seconds = (Date.now() - then) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

const tell = {
  ago,
  at: (then) => (then.toDateString() === new Date().toDateString() ? AT : DAY_AT).format(then),
  hour: (then) => AT.format(then),
  exact: (then) => EXACT.format(then),
};

function tellTimes(root = document) {
  for (const time of $$("time[data-time]", root)) {
    const text = tell[time.dataset.time](new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

// Toasts ---------------------------------------------------------------------------------------------------
const shelf = document.body.appendChild(document.createElement("div")); // empty at first, else nobody hears it
shelf.className = "toasts";
shelf.setAttribute("role", "status");

function toast(text) {
  const line = shelf.appendChild(document.createElement("p"));
  line.textContent = text;
  setTimeout(() => line.remove(), 5000);
}

// Live parts: the same page, asked for again; never in a tab that nobody sees ------------------------------
const every = Number(document.body.dataset.refresh || 0) * 1000;
let timer, failures = 0;

function plan() {
  clearTimeout(timer);
  if (every && !document.hidden) timer = setTimeout(refresh, every * 2 ** Math.min(failures, 4));
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { headers: { "x-live": "1" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload(); // signed out meanwhile: to the door
    if (answer.status >= 500 && answer.status !== 503) throw new Error(answer.statusText);
    replaceLive(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (failures > 1) toast("The relay answers again.");
    failures = 0;
  } catch {
    failures += 1;
    if (failures === 2) toast("The relay does not answer; what you see may be old.");
  }
  plan();
}

function replaceLive(fresh) {
  tellTimes(fresh);
  for (const part of $$("[data-script]", fresh)) part.hidden = false;
  for (const old of $$("[data-live]")) {
    const now = fresh.getElementById(old.id);
    if (!now) continue;
    const open = $$("details", old).map((part) => part.open);
    for (const [at, part] of $$("details", now).entries()) part.open ||= open[at] ?? false;
    if (old.isEqualNode(now) || old.contains(document.activeElement)) continue;
    old.replaceWith(document.adoptNode(now));
  }
  const said = $("[data-say]", fresh)?.dataset.say;
  if (said && said !== lastSaid) toast(said);
  lastSaid = said;
}
let lastSaid = $("[data-say]")?.dataset.say;

// Copying --------------------------------------------------------------------------------------------------
async function copy(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent.trim() ?? "";
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    toast("Selected: press Ctrl C to copy.");
  }
}

// Rows by keyboard -----------------------------------------------------------------------------------------
const rowLinks = () => $$("[data-rows] tbody tr, [data-rows] > li").map((row) => $("a", row)).filter(Boolean);
const rowOf = (link) => link?.closest("tr, li");
let lastTicked = null;

function move(by) {
  const links = rowLinks();
  const at = links.findIndex((link) => rowOf(link).contains(document.activeElement));
  links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

function tickHere(range) {
  const boxes = $$("[data-rows] input[type=checkbox]");
  const box = $("input[type=checkbox]", rowOf(document.activeElement) ?? document.createElement("i"));
  if (!box || !boxes.includes(box)) return;
  box.checked = !box.checked;
  if (range && lastTicked) tickBetween(boxes, lastTicked, box);
  lastTicked = box;
  countTicks();
}

function tickBetween(boxes, one, other) {
  const [from, to] = [boxes.indexOf(one), boxes.indexOf(other)].sort((a, b) => a - b);
  for (const box of boxes.slice(from, to + 1)) box.checked = other.checked;
}

function countTicks() {
  for (const bar of $$("[data-ticks]")) {
    const boxes = $$("input[type=checkbox][name=relay]", bar.closest("form"));
    const ticked = boxes.filter((box) => box.checked).length;
    const said = $("[data-ticked]", bar);
    said.textContent = ticked ? `${ticked} ticked` : said.dataset.ticked;
    for (const button of $$("button[name=act]", bar)) button.disabled = !ticked;
    const all = $("[data-all]", bar.closest("form"));
    if (all) [all.checked, all.indeterminate] = [ticked === boxes.length && ticked > 0, ticked > 0 && ticked < boxes.length];
  }
}

// Keys -----------------------------------------------------------------------------------------------------
const GO = { o: "/ops/", i: "/ops/issues", r: "/ops/relays", b: "/ops/replays", s: "/ops/sources", d: "/ops/destinations", a: "/ops/activity" };
const KEYS = "/ filter · j k rows · x tick, shift X a range · Enter open · g then o i r b s d a: overview, issues, relays, replays, sources, destinations, activity";
let going = false;

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  if (going) {
    going = false;
    if (GO[event.key]) location.assign(GO[event.key]);
    return;
  }
  const acts = {
    j: () => move(1), k: () => move(-1), x: () => tickHere(false), X: () => tickHere(true),
    g: () => { going = true; setTimeout(() => { going = false; }, 1500); },
    "/": () => $("[data-key='/']")?.select(),
    "?": () => toast(KEYS),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}

// Start ----------------------------------------------------------------------------------------------------
for (const part of $$("[data-script]")) part.hidden = false;
const foot = $("[data-zone]");
if (foot) foot.textContent = `Times are yours: ${zone}.`;
tellTimes();
countTicks();
setInterval(() => { if (!document.hidden) tellTimes(); }, 10_000);

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : every && refresh()));
document.addEventListener("keydown", key);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]"))
    for (const box of $$("input[name=relay]", event.target.closest("form"))) box.checked = event.target.checked;
  countTicks();
});
document.addEventListener("submit", (event) => {
  // A second press of the same button does nothing: the first is on its way.
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
  setTimeout(() => delete event.target.dataset.sent, 4000);
});
plan();
