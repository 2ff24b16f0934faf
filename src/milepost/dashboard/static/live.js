// Keeps a page right while somebody looks at it: follows its stream, writes times as people say them.
"use strict";
(() => {
  const WORDS = { live: "Live", waiting: "Reconnecting …", ended: "No longer live", paused: "Paused" };
  const LONGEST_WAIT = 30000;
  let root = null, source = null, shown = "", timer = 0, wait = 1000;

  function say(state) {
    const place = document.querySelector("[data-state]");
    if (!place) return;
    place.dataset.state = state;
    place.textContent = WORDS[state];
  }

  function open() {
    clearTimeout(timer);
    const url = new URL(root.dataset.live, location.href);
    url.searchParams.set("shown", shown);
    source = new EventSource(url);
    source.addEventListener("open", () => { wait = 1000; say("live"); });
    source.addEventListener("parts", (event) => { take(JSON.parse(event.data)); shown = event.lastEventId; });
    source.addEventListener("ended", () => { close(); root = null; say("ended"); });
    source.addEventListener("error", () => {
      say("waiting");
      // the browser comes back by itself unless it was refused
      if (source && source.readyState === EventSource.CLOSED) {
        timer = setTimeout(open, wait);
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
    });
  }

  function close() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  function take(parts) {
    for (const [name, html] of Object.entries(parts)) {
      const place = root.querySelector(`[data-part="${name}"]`);
      if (place) mend(place, html, tellTimes);
    }
  }

  // the page may be another one now: htmx puts a new list in the old one's place
  function follow() {
    const found = document.querySelector("[data-live]");
    if (found === root) return;
    close();
    root = found;
    if (!root) return;
    shown = root.dataset.shown;
    if (!document.hidden) open();
  }

  // nobody looks: nothing is sent; what differs comes when somebody looks again
  document.addEventListener("visibilitychange", () => {
    if (!root) return;
    if (document.hidden) { close(); say("paused"); } else if (!source) open();
  });
  window.addEventListener("pagehide", close);

  const UNITS = [["day", 172800, 86400], ["h", 7200, 3600], ["min", 120, 60]];

  // coarse enough to be right until it is written again
  function length(seconds) {
    for (const [unit, least, one] of UNITS) {
      if (seconds < least) continue;
      const count = Math.trunc(seconds / one);
      return `${count} ${unit}${unit === "day" && count !== 1 ? "s" : ""}`;
    }
    return `${Math.trunc(seconds)} s`;
  }

  function ago(seconds) {
    if (seconds < 10 && seconds > -2) return "just now";
    return seconds < 0 ? `in ${length(-seconds)}` : `${length(seconds)} ago`;
  }

  function tellTimes(within = document) {
    for (const time of within.querySelectorAll("time[data-ago], time[data-since]")) {
      const seconds = (Date.now() - new Date(time.dateTime)) / 1000;
      if (!time.title) time.title = `${time.textContent} UTC`;
      const text = "since" in time.dataset ? length(Math.max(seconds, 0)) : ago(seconds);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  document.addEventListener("htmx:configRequest", (event) => {
    // an address without what was not asked for
    const asked = event.detail.formData;
    for (const [name, value] of [...asked.entries()]) if (value === "") asked.delete(name);
  });
  document.addEventListener("htmx:afterSettle", () => { follow(); tellTimes(); });
  document.addEventListener("htmx:historyRestore", () => { follow(); tellTimes(); });
  document.addEventListener("DOMContentLoaded", () => { follow(); tellTimes(); setInterval(() => tellTimes(), 5000); });
})();
