// Keeps the page as fresh as it is, sends what is decided, and signs in where that is needed. No library, no state of its own.
"use strict";

const EVERY = 5000;
const TOKEN = "trailwarden-token";
const REFUSED = "trailwarden-refused";
const main = document.getElementById("main");
const live = document.getElementById("live");
const isShell = "signIn" in main.dataset;

function headers(more = {}) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

// The page: only what has changed is replaced, so that nothing flickers, and whoever is at a button stays there.

function place(element) {
  if (element.id) return `#${element.id}`;
  if (element.matches("summary")) return `summary ${element.parentElement.id}`;
  if (element.matches(".scroll")) return `scroll ${element.getAttribute("aria-labelledby") || element.getAttribute("aria-label")}`;
  const link = element.getAttribute("href");
  const name = ["post", "verdict", "step", "act", "ask"].map((key) => element.dataset[key] || "").join(" ");
  return link ? `link ${link}` : name.trim() && `button ${name}`;
}

function stay(section, where) {
  if (!where) return;
  const found = [...section.querySelectorAll("[id], button, a, summary, .scroll")].find((one) => place(one) === where);
  if (found) found.focus({ preventScroll: true });
}

// What is wider than the screen begins with what is new.
function late(within) {
  for (const one of within.querySelectorAll("[data-late]")) one.scrollLeft = one.scrollWidth;
}

function replaced(old, fresh) {
  const where = old.contains(document.activeElement) ? place(document.activeElement) : "";
  const opened = [...old.querySelectorAll("details[open]")].map((one) => one.id);
  for (const id of opened) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  const scrolled = [...old.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  old.replaceWith(fresh);
  [...fresh.querySelectorAll(".scroll")].forEach((one, at) => { one.scrollLeft = scrolled[at] ?? one.scrollLeft; });
  stay(fresh, where);
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const isSame = (one, other) => one && one.id === other.id;
  const before = [...main.children];
  const after = [...fresh.children];
  if (before.length !== after.length || !before.every((one, at) => isSame(one, after[at]))) {
    main.replaceChildren(...after);
    late(main);
    if (isShell) document.title = `${main.querySelector("h1")?.textContent || "Trailwarden"} · Trailwarden`;
    return;
  }
  before.forEach((one, at) => {
    const shut = one.cloneNode(true);
    shut.querySelectorAll("details[open]").forEach((details) => details.removeAttribute("open"));
    if (shut.outerHTML !== after[at].outerHTML) replaced(one, after[at]);
  });
}

let heldUntil = 0;

// What was refused stays to be read; that all is well says itself.
function said(text, isAway = false, seconds = 0) {
  if (!live || (!isAway && Date.now() < heldUntil)) return;
  heldUntil = Date.now() + 1000 * seconds;
  if (live.textContent !== text) live.textContent = text;
  live.classList.toggle("away", isAway);
}

let asking = false;
// A token that was good ends: whoever has a session at the provider is back at once, where they were.
let wasLive = false;

// A form in which somebody has chosen something is theirs until they send it.
function isTouched(form) {
  const isChanged = (one) => (one.options ? [...one.options].some((option) => option.selected !== option.defaultSelected
    && (option.defaultSelected || one.selectedIndex > 0)) : one.value !== one.defaultValue);
  return form.contains(document.activeElement) || [...form.elements].filter((one) => one.name).some(isChanged);
}

async function refresh() {
  const isTyping = [...main.querySelectorAll("form")].some(isTouched) || document.querySelector("dialog[open]");
  if (isTyping) said("waits while you choose");
  if (asking || document.hidden || isTyping || main.querySelector("#trouble[data-final]")) return;
  asking = true;
  try {
    const answer = await fetch(`/pages${location.pathname === "/" ? "/board" : location.pathname}${location.search}`, {
      headers: headers(), cache: "no-cache", signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401) return void refused();
    // A gateway that is asked too much says so in words of its own, which are no page.
    if (answer.status < 500 && (answer.headers.get("Content-Type") || "").startsWith("text/html")) {
      show(await answer.text());
      said("live");
      wasLive = true;
    } else {
      said("out of reach, trying again", true);
    }
  } catch {
    said("out of reach, trying again", true);
  } finally {
    asking = false;
  }
}

// What somebody decides: sent as JSON by a press of a button, never by a link.

// Asks for a text, and closes when that was taken: what was not, stays to be sent again.
function question(text, send) {
  const dialog = document.createElement("dialog");
  const form = document.createElement("form");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const wrong = document.createElement("p");
  const buttons = document.createElement("p");
  wrong.setAttribute("role", "alert");
  wrong.className = "critical";
  buttons.className = "buttons";
  for (const [kind, name] of [["submit", "OK"], ["button", "Cancel"]]) {
    const button = document.createElement("button");
    button.type = kind;
    button.textContent = name;
    if (kind === "button") button.addEventListener("click", () => dialog.close());
    buttons.append(button);
  }
  input.required = true;
  label.append(text, input);
  form.append(label, wrong, buttons);
  dialog.append(form);
  document.body.append(dialog);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = await send(input.value.trim());
    if (wrong.textContent === "") dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    refresh();
  });
  dialog.showModal();
  input.focus();
}

function wanted(button) {
  const { id, of, verdict, plan, act, step } = button.dataset;
  const numbers = Object.entries({ act, step }).filter(([, value]) => value !== undefined).map(([name, value]) => [name, Number(value)]);
  const words = Object.entries({ id, of, verdict, plan }).filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, decodeURIComponent(value)]);
  return Object.fromEntries([...words, ...numbers]);
}

// Sends it; says why it was not done, or nothing.
async function sent(button, body) {
  if (button.ariaBusy === "true") return "it is being sent";
  button.ariaBusy = "true";
  try {
    const answer = await fetch(button.dataset.post, {
      method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body),
    });
    const told = await answer.json().catch(() => ({}));
    return answer.ok ? "" : told.error || told.message || "it was not done";
  } catch {
    return "out of reach: it may or may not have been done";
  } finally {
    button.ariaBusy = null;
  }
}

async function decide(button) {
  const { ask, question: text, sure } = button.dataset;
  if (sure && !confirm(sure)) return;
  if (ask) return void question(text, (answer) => (answer ? sent(button, { [ask]: answer }) : "say something"));
  const wrong = await sent(button, wanted(button));
  heldUntil = 0;
  said(wrong || "live", Boolean(wrong), wrong ? 20 : 0);
  if (!wrong) await refresh();
}

// Signing in, where there is a provider: an authorization code with PKCE; the code is changed for a token by our own origin.

const random = () => encoded(crypto.getRandomValues(new Uint8Array(32)));
const encoded = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function signIn() {
  const [verifier, state, nonce] = [random(), random(), random()];
  sessionStorage.setItem("trailwarden-sign-in", JSON.stringify({ verifier, state, nonce, to: location.pathname + location.search }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({ state, nonce, challenge: encoded(new Uint8Array(digest)), back: `${location.origin}/` });
  location.assign(`/sign-in?${query}`);
}

async function arrived() {
  const query = new URLSearchParams(location.search);
  const begun = JSON.parse(sessionStorage.getItem("trailwarden-sign-in") || "null");
  if (!query.has("state") || !begun) return;
  sessionStorage.removeItem("trailwarden-sign-in");
  if (query.get("state") !== begun.state || !query.has("code")) return void why(query.get("error_description") || "The provider let nobody in.");
  const answer = await fetch("/token", {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code: query.get("code"), verifier: begun.verifier, back: `${location.origin}/` }),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) return void why(told.error || "The provider gave no token.");
  if (claims(told.id_token).nonce !== begun.nonce) return void why("The provider answered another request than ours.");
  sessionStorage.setItem(TOKEN, told.id_token);
  location.replace(begun.to.startsWith("/") ? begun.to : "/");
}

function claims(token) {
  const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (one) => one.charCodeAt(0))));
}

// Not over by this clock, and not refused here before.
function isGood(token) {
  return token !== sessionStorage.getItem(REFUSED) && claims(token).exp * 1000 > Date.now();
}

function why(text) {
  const place = document.getElementById("why");
  if (place) place.textContent = text;
}

function refused() {
  sessionStorage.setItem(REFUSED, sessionStorage.getItem(TOKEN) || "");
  if (isShell && wasLive) return void signIn();
  leave();
}

function leave() {
  const had = sessionStorage.getItem(TOKEN);
  sessionStorage.removeItem(TOKEN);
  if (had || !isShell) location.reload();
}

// Tabs of one person share their token, which is kept nowhere else; whoever signs out, does so in all.

const tabs = new BroadcastChannel("trailwarden");

tabs.addEventListener("message", ({ data }) => {
  const token = sessionStorage.getItem(TOKEN);
  if (data === "token?" && token && isGood(token)) tabs.postMessage({ token });
  if (data === "out" && token) leave();
  if (data.token && !token && isShell && isGood(data.token)) {
    sessionStorage.setItem(TOKEN, data.token);
    location.reload();
  }
});

function entered() {
  const { email, email_verified: isVerified = true, sub } = claims(sessionStorage.getItem(TOKEN));
  document.getElementById("name").textContent = (String(isVerified) === "true" && email) || sub;
  const out = document.getElementById("leave");
  out.hidden = false;
  out.addEventListener("click", () => {
    tabs.postMessage("out");
    leave();
  });
  main.replaceChildren();
}

async function begin() {
  if ("shut" in main.dataset) return;
  document.getElementById("enter")?.addEventListener("click", signIn);
  main.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-post]");
    if (button) decide(button);
  });
  if (isShell && sessionStorage.getItem(TOKEN)) entered();
  if (isShell) await arrived().catch(() => why("The provider cannot be reached now: try again."));
  if (isShell && !sessionStorage.getItem(TOKEN)) return void tabs.postMessage("token?");
  if (isShell) await refresh();
  else said("live");
  late(main);
  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
}

begin();
