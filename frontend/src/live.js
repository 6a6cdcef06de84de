// Says when the page is not live, and then asks the server itself.
//
//   <div data-live data-live-silence-seconds="20" data-live-poll-seconds="10"
//        hx-sse:connect="/events" hx-trigger="load, vicino:reconnect from:body" hidden></div>
//   <p data-live-banner role="alert" hidden>… <time data-live-since></time></p>
//   <section hx-get="/worklist/rows" hx-trigger="changed from:body"> … data-count="7" … </section>
//
// The stream sends named events only: "beat" at once and then at least every third of the
// silence, and "changed".
// Silence is what counts, not the connection's own word: a stalled one reports nothing. While it
// lasts, "changed" is raised here at each poll, so that the same regions fetch themselves anew.

const CHECK_MILLISECONDS = 1000;

export function watchLive() {
  const title = document.title;
  document.addEventListener("htmx:after:swap", () => showCount(title));
  showCount(title);
  const source = document.querySelector("[data-live]");
  if (source) new Watch(source).start();
}

class Watch {
  constructor(source) {
    this.silence = 1000 * Number(source.dataset.liveSilenceSeconds ?? 20);
    this.pause = 1000 * Number(source.dataset.livePollSeconds ?? 10);
    this.heard = Date.now();
    this.polled = 0;
    this.lost = false;
    this.connection = null;
  }

  start() {
    const on = (name, act) => document.addEventListener(name, act);
    on("htmx:sse:after:connection", (event) => this.connected(event.detail.connection));
    on("htmx:sse:after:message", () => this.alive());
    window.addEventListener("online", () => this.check());
    document.addEventListener("visibilitychange", () => this.check());
    setInterval(() => this.check(), CHECK_MILLISECONDS);
  }

  connected(connection) {
    this.connection = connection; // open, but not heard yet
  }

  alive() {
    this.heard = Date.now();
    if (!this.lost) return;
    this.show(false);
    raise("changed"); // what happened while there was no stream is not in the new one
  }

  check() {
    const now = Date.now();
    if (now - this.heard < this.silence) return;
    if (!this.lost) this.show(true);
    if (now - this.polled < this.pause) return;
    this.polled = now;
    this.connection?.reader?.cancel();
    raise("vicino:reconnect");
    raise("changed");
  }

  show(lost) {
    this.lost = lost;
    for (const banner of document.querySelectorAll("[data-live-banner]")) {
      const since = banner.querySelector("[data-live-since]");
      if (since) {
        const language = document.documentElement.lang || undefined;
        const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
        since.textContent = clock.format(this.heard);
        since.dateTime = new Date(this.heard).toISOString();
      }
      banner.hidden = !lost;
    }
    document.documentElement.toggleAttribute("data-not-live", lost);
  }
}

function raise(name) {
  document.body.dispatchEvent(new CustomEvent(name, { bubbles: true }));
}

function showCount(title) {
  const counted = document.querySelector("[data-count]");
  const count = Number(counted?.dataset.count ?? 0);
  document.title = count > 0 ? `(${count}) ${title}` : title;
}
