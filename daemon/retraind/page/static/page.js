// Without this file, every page works; with it, pages bring themselves up to date.
"use strict";
(() => {
  const main = document.getElementById("main");
  const state = document.getElementById("livestate");
  if (!main || !main.dataset.live || !window.EventSource) return;

  const STALE_MS = 60_000; // "for 5 min" grows by itself
  const RETRY_MS = 60_000; // after a refusal, which ends an EventSource for good
  let source = null;
  let wanted = false;
  let running = false;
  let lastAt = Date.now();

  const tell = (on) => {
    const text = on ? state.dataset.on : state.dataset.off;
    state.classList.toggle("on", on);
    if (state.textContent !== text) state.textContent = text;
    state.hidden = false;
  };

  const refresh = async () => {
    if (document.hidden) { wanted = true; return; }
    if (running) { wanted = true; return; }
    running = true;
    wanted = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const busy = document.activeElement && document.activeElement.closest("form");
      if (!busy && fresh.getElementById("main")) exchange(fresh);
      else wanted = Boolean(busy);
      lastAt = Date.now();
    } catch {
      tell(false); // The stream, or the next minute, tries again.
    } finally {
      running = false;
    }
  };

  const exchange = (fresh) => {
    const focused = document.activeElement && document.activeElement.id;
    const open = [...document.querySelectorAll("details[open][id]")].map((each) => each.id);
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.getElementById(part.id);
      if (!other) continue;
      if (part.innerHTML !== other.innerHTML) part.replaceChildren(...other.childNodes);
      if (other.dataset.seen) part.dataset.seen = other.dataset.seen;
    }
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  // How far steps have come changes all the time: only these numbers are exchanged.
  const move = (jobs) => {
    for (const each of document.querySelectorAll("[data-progress]")) {
      const [percent, told] = jobs[each.dataset.progress] ?? [];
      if (told === undefined) continue;
      each.querySelector("progress").value = percent;
      each.lastElementChild.textContent = told;
    }
  };

  // Browsers allow six connections to a host for all their tabs: those that nobody sees leave them to others.
  const listen = () => {
    if (document.hidden || (source && source.readyState !== EventSource.CLOSED)) return;
    const address = new URL(main.dataset.live, location.href);
    address.searchParams.set("seen", main.dataset.seen);
    source = new EventSource(address);
    source.addEventListener("open", () => tell(true));
    source.addEventListener("changed", refresh);
    source.addEventListener("progress", (event) => move(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      tell(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
    });
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else listen();
    if (wanted) refresh();
  });
  document.addEventListener("focusout", () => { if (wanted) setTimeout(refresh, 0); });
  setInterval(() => { if (Date.now() - lastAt >= STALE_MS) refresh(); }, STALE_MS / 4);
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  listen();
})();
