// The local page: asks its own server every two seconds and shows what it says. Everything that comes from a
// configuration or a machine goes into text nodes, never into markup.
"use strict";

const EVERY_MS = 2000;
const WORDS = {
  en: {
    other: "Türkçe", token: "This page asks for its token (health.token)", open: "Open", devices: "Devices",
    connection: "connection", state: "state", device: "device", good: "good", uncertain: "uncertain", bad: "bad",
    silent: "silent", heard: "last heard", tags: "Tags", search: "search device or tag", all: "every quality",
    tag: "tag", value: "value", unit: "unit", quality: "quality", age: "age", gaps: "Gaps", errors: "Last errors",
    nogaps: "No reading is missing since the start.", noerrors: "No connection failed since the start.",
    cloud: "cloud", read: "read", waiting: "waiting for the cloud", drain: "empty in", buffer: "buffer",
    left: "full in {age} without the cloud",
    persecond: "a second, {kept} kept", sent: "{n} a second go to the cloud", oldest: "the oldest {age} old",
    grows: "it grows", unknown: "–", empty: "nothing waits", of: "of {max}", since: "since {time}", shown: "{n} of {total}",
    running: "running for {age}", away: "The gateway does not answer. What is shown is from {time}.",
    refused: "That is not the token.", never: "never", whole: "whole gateway",
    ok: "ok", degraded: "degraded", stopping: "stopping", up: "up", down: "down", connecting: "connecting",
    stopped: "stopped", unauthorized: "token refused",
  },
  tr: {
    other: "English", token: "Bu sayfa anahtarını istiyor (health.token)", open: "Aç", devices: "Cihazlar",
    connection: "bağlantı", state: "durum", device: "cihaz", good: "iyi", uncertain: "belirsiz", bad: "kötü",
    silent: "sessiz", heard: "son veri", tags: "Etiketler", search: "cihaz ya da etiket ara", all: "bütün nitelikler",
    tag: "etiket", value: "değer", unit: "birim", quality: "nitelik", age: "yaş", gaps: "Boşluklar",
    errors: "Son hatalar", nogaps: "Başlangıçtan beri eksik okuma yok.", noerrors: "Başlangıçtan beri hata yok.",
    cloud: "bulut", read: "okunan", waiting: "bulutu bekliyor", drain: "boşalma", buffer: "tampon",
    left: "bulut olmadan {age} içinde dolar",
    persecond: "saniyede, {kept} saklanan", sent: "saniyede {n} buluta gidiyor", oldest: "en eskisi {age}",
    grows: "büyüyor", unknown: "–", empty: "bekleyen yok", of: "/ {max}", since: "{time} beri", shown: "{n} / {total}",
    running: "{age} süredir çalışıyor", away: "Ağ geçidi yanıt vermiyor. Gösterilenler {time} saatinden.",
    refused: "Anahtar bu değil.", never: "hiç", whole: "bütün ağ geçidi",
    ok: "iyi", degraded: "sorunlu", stopping: "duruyor", up: "bağlı", down: "kopuk", connecting: "bağlanıyor",
    stopped: "durdu", unauthorized: "anahtar reddedildi",
  },
};
const at = (id) => document.getElementById(id);
let language = localStorage.getItem("language") || (navigator.language.startsWith("tr") ? "tr" : "en");
let zone, asOf = null, timer = 0, turn = 0;

function say(key, values = {}) {
  const words = WORDS[language][key] ?? key;
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function speak() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  at("words").placeholder = say("search");
  at("language").textContent = say("other");
}

// --- how things are written

const number = (value, digits = 0) =>
  value.toLocaleString(language, { maximumFractionDigits: digits, useGrouping: Math.abs(value) >= 10000 });

function reading(tag) {
  if (tag.text !== null) {
    return Number.isInteger(tag.value) && String(tag.value) !== tag.text ? `${tag.text} (${tag.value})` : tag.text;
  }
  if (tag.value === null) return "–";
  return Number.isInteger(tag.value) ? String(tag.value) : String(Number(tag.value.toPrecision(7)));
}

function span(seconds) {
  if (seconds === null) return say("never");
  const units = language === "tr" ? ["sn", "dk", "sa", "gün"] : ["s", "min", "h", "d"];
  if (seconds < 10) return `${number(seconds, 1)} ${units[0]}`;
  if (seconds < 120) return `${number(seconds)} ${units[0]}`;
  if (seconds < 7200) return `${number(seconds / 60)} ${units[1]}`;
  if (seconds < 172800) return `${number(seconds / 3600, 1)} ${units[2]}`;
  return `${number(seconds / 86400)} ${units[3]}`;
}

function bytes(size) {
  return size < 1e6 ? `${number(size / 1e3)} kB` : size < 1e9 ? `${number(size / 1e6, 1)} MB` : `${number(size / 1e9, 1)} GB`;
}

function clock(text) {
  const time = new Date(text);
  const isToday = time.toDateString() === new Date().toDateString();
  return time.toLocaleString(language, isToday ? { timeStyle: "medium", timeZone: zone }
    : { dateStyle: "short", timeStyle: "medium", timeZone: zone });
}

function cell(text, ...classes) {
  const td = document.createElement("td");
  td.textContent = text;
  td.classList.add(...classes.filter(Boolean));
  return td;
}

// what the driver counted is told where the mouse rests
function counted(connection) {
  const td = cell(connection.name);
  const events = Object.entries(connection.events).filter(([, count]) => count);
  td.title = events.map(([word, count]) => `${word.replaceAll("_", " ")} ${number(count)}`).join(", ");
  return td;
}

// on a phone the device stands above its tag, by the style sheet
function named(tag) {
  const td = cell(tag.tag);
  td.dataset.device = tag.device;
  return td;
}

function qualities(device) {
  const counts = { good: device.good, uncertain: device.uncertain, bad: device.bad };
  counts.silent = device.tags - device.good - device.uncertain - device.bad;
  const td = document.createElement("td");
  for (const [quality, count] of Object.entries(counts)) {
    if (!count) continue;
    const part = document.createElement("span");
    part.className = `count ${quality}`;
    part.textContent = `${count} ${say(quality)}`;
    td.append(part);
  }
  return td;
}

function fill(body, rows) {
  body.replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
  }));
}

function figure(title, value, below, ...classes) {
  const box = document.createElement("div");
  box.className = "figure";
  for (const [kind, text, list] of [["span", title, ["faint"]], ["b", value, classes], ["span", below, ["faint"]]]) {
    const part = document.createElement(kind);
    part.textContent = text;
    part.classList.add(...list.filter(Boolean));
    box.append(part);
  }
  return box;
}

// --- what is shown

function showStatus(status) {
  zone = status.timezone || undefined;
  document.title = `${status.gateway}: ${say(status.status)}`;
  at("gateway").textContent = status.gateway;
  at("state").textContent = say(status.status);
  at("state").className = `pill ${status.status}`;
  const about = [status.site, say("running", { age: span(status.uptime_s) }), status.version];
  at("about").textContent = about.filter(Boolean).join(" · ");
  at("problems").replaceChildren(...status.problems.map((problem) => {
    const item = document.createElement("li");
    item.textContent = problem;
    return item;
  }));
  showFigures(status);
  fill(at("devices"), status.connections.flatMap((connection) => connection.devices.map((device, index) => [
    index ? cell("") : counted(connection), cell(index ? "" : say(connection.state), connection.state),
    cell(device.name, "short"), qualities(device), cell(span(device.age_s), "short"),
  ])));
  at("nogaps").hidden = status.gaps.length > 0;
  fill(at("gaps"), status.gaps.map((gap) => [
    cell(clock(gap.to), "short"), cell(span(gap.seconds), "short", "number"), cell(gap.cause),
    cell([gap.device ?? say("whole"), gap.tag].filter(Boolean).join(".")), cell(gap.detail, "faint"),
  ]));
  at("noerrors").hidden = status.errors.length > 0;
  fill(at("errors"), status.errors.map((error) => [
    cell(clock(error.time), "short"), cell(error.connection), cell(error.message),
  ]));
}

function showFigures(status) {
  const { buffer, sync, rates, drain_s: drain } = status;
  const share = buffer.max_bytes ? buffer.bytes / buffer.max_bytes : 0;
  at("figures").replaceChildren(
    figure(say("cloud"), say(sync.state), say("since", { time: clock(sync.since) }), sync.state),
    figure(say("read"), rates ? number(rates.taken) : "–",
      say("persecond", { kept: rates ? number(rates.buffered) : "–" })),
    figure(say("waiting"), number(buffer.rows),
      buffer.rows ? say("oldest", { age: span(buffer.oldest_age_s) }) : say("empty")),
    figure(say("drain"), drain === null ? say(rates ? "grows" : "unknown") : span(drain),
      say("sent", { n: rates ? number(rates.settled) : "–" }), rates && drain === null ? "uncertain" : ""),
    figure(say("buffer"), bytes(buffer.bytes), 
      say("of", { max: bytes(buffer.max_bytes) }) + (buffer.left_h === null ? "" :
        "; " + say("left", { age: span(buffer.left_h * 3600) })), share > 0.9 ? "bad" : ""),
  );
}

function showTags(document) {
  at("count").textContent = say("shown", { n: document.tags.length, total: document.total });
  fill(at("tags"), document.tags.map((tag) => [
    cell(tag.device, "short"), named(tag), cell(reading(tag), "number"), cell(tag.unit, "faint"),
    cell([say(tag.quality), ...tag.flags].join(", "), tag.quality), cell(span(tag.age_s), "short"),
  ]));
}

// --- asking

async function ask(path) {
  const token = sessionStorage.getItem("token");
  const answer = await fetch(path, {
    headers: token ? { Authorization: `Bearer ${token}` } : {}, signal: AbortSignal.timeout(5000),
  });
  if (answer.status === 401) throw Object.assign(new Error("refused"), { isRefused: true });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function refresh() {
  // of refreshes that overlap, while somebody types, only the last counts
  const mine = ++turn;
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const query = new URLSearchParams({ q: at("words").value, quality: at("quality").value });
    const [status, tags] = await Promise.all([ask("/api/status"), ask(`/api/tags?${query}`)]);
    if (mine !== turn) return;
    asOf = new Date().toISOString();
    showStatus(status);
    showTags(tags);
    at("content").hidden = false;
    at("door").hidden = at("away").hidden = true;
    document.body.classList.remove("stale");
  } catch (error) {
    if (mine !== turn) return;
    if (error.isRefused) {
      at("away").hidden = !sessionStorage.getItem("token");
      at("away").textContent = say("refused");
      at("door").hidden = false;
      at("content").hidden = true;
      return;
    }
    document.body.classList.add("stale");
    at("away").hidden = false;
    at("away").textContent = say("away", { time: asOf ? clock(asOf) : "–" });
  }
  timer = setTimeout(refresh, EVERY_MS);
}

at("language").addEventListener("click", () => {
  language = language === "tr" ? "en" : "tr";
  localStorage.setItem("language", language);
  speak();
  refresh();
});
at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", at("token").value);
  refresh();
});
at("words").addEventListener("input", refresh);
at("quality").addEventListener("change", refresh);
document.addEventListener("visibilitychange", refresh);
speak();
refresh();
