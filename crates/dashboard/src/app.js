// Keeps the page as fresh as it is, sends what is decided, and signs in where that is needed. No library, no state of its own.
"use strict";

const EVERY = 5000;
const TOKEN = "trailwarden-token";
const main = document.getElementById("main");
const live = document.getElementById("live");
const isShell = "signIn" in main.dataset;

function headers(more = {}) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

// The page: only what has changed is replaced, so that nothing flickers, and whoever is at a button stays there.

function place(element) {
  const name = ["post", "verdict", "step", "act", "ask"].map((key) => element.dataset[key] || "").join(" ");
  return element.id ? `#${element.id}` : name.trim() && `button ${name}`;
}

function stay(section, where) {
  if (!where) return;
  const found = [...section.querySelectorAll("[id], button")].find((one) => place(one) === where);
  if (found) found.focus({ preventScroll: true });
}

function replaced(old, fresh) {
  const where = old.contains(document.activeElement) ? place(document.activeElement) : "";
  const opened = [...old.querySelectorAll("details[open]")].map((one) => one.id);
  for (const id of opened) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  old.replaceWith(fresh);
  stay(fresh, where);
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const isSame = (one, other) => one && one.id === other.id;
  const before = [...main.children];
  const after = [...fresh.children];
  if (before.length !== after.length || !before.every((one, at) => isSame(one, after[at]))) {
    main.replaceChildren(...after);
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

async function refresh() {
  const typing = main.querySelector("form")?.contains(document.activeElement);
  if (asking || document.hidden || typing || main.querySelector("#trouble[data-final]")) return;
  asking = true;
  try {
    const answer = await fetch(`/pages${location.pathname === "/" ? "/board" : location.pathname}${location.search}`, {
      headers: headers(), cache: "no-cache", signal: AbortSignal.timeout(10000),
    });
    if (answer.status === 401) return void leave();
    if (answer.status < 500) {
      show(await answer.text());
      said("live");
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

function question(text) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const form = document.createElement("form");
    form.method = "dialog";
    const label = document.createElement("label");
    const input = document.createElement("input");
    const buttons = document.createElement("p");
    buttons.className = "buttons";
    for (const [value, name] of [["yes", "OK"], ["no", "Cancel"]]) {
      const button = document.createElement("button");
      button.value = value;
      button.textContent = name;
      buttons.append(button);
    }
    label.append(text, input);
    form.append(label, buttons);
    dialog.append(form);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? input.value.trim() : "");
    });
    dialog.showModal();
    input.focus();
  });
}

async function wanted(button) {
  const { id, of, verdict, plan, act, step, ask, question: text, sure } = button.dataset;
  if (sure && !confirm(sure)) return null;
  if (ask) {
    const answer = await question(text);
    return answer ? { [ask]: answer } : null;
  }
  const numbers = Object.entries({ act, step }).filter(([, value]) => value !== undefined).map(([name, value]) => [name, Number(value)]);
  const words = Object.entries({ id, of, verdict, plan }).filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, decodeURIComponent(value)]);
  return Object.fromEntries([...words, ...numbers]);
}

async function decide(button) {
  const body = await wanted(button);
  if (!body) return;
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    const answer = await fetch(button.dataset.post, {
      method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body),
    });
    const told = await answer.json().catch(() => ({}));
    heldUntil = 0;
    said(answer.ok ? "live" : told.error || "it was not done", !answer.ok, answer.ok ? 0 : 20);
    if (answer.ok) await refresh();
  } catch {
    said("out of reach: it may or may not have been done", true);
  } finally {
    button.ariaBusy = null;
  }
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

function why(text) {
  const place = document.getElementById("why");
  if (place) place.textContent = text;
}

function leave() {
  const had = sessionStorage.getItem(TOKEN);
  sessionStorage.removeItem(TOKEN);
  if (had || !isShell) location.reload();
}

function entered() {
  const { email, email_verified: isVerified = true, sub } = claims(sessionStorage.getItem(TOKEN));
  document.getElementById("name").textContent = (String(isVerified) === "true" && email) || sub;
  const out = document.getElementById("leave");
  out.hidden = false;
  out.addEventListener("click", leave);
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
  if (isShell && !sessionStorage.getItem(TOKEN)) return;
  if (isShell) await refresh();
  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
}

begin();
