// Keeps the last worklist that came, for a nurse on a road without network: it says that it is old.
//
// Only the worklist as it was first asked for is kept, and what it looks like; never longer than
// HOURS_MAX, nor than the session: signing out has the browser clear it (Clear-Site-Data).
const KEPT = "worklist";
const PATH = "/worklist";
const HOURS_MAX = 12;
const KEPT_AT = "x-kept-at";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname, search } = new URL(request.url);
  if (request.mode === "navigate" && pathname === PATH) event.respondWith(list(request, search));
  else if (pathname.startsWith("/static/")) event.respondWith(asset(request));
});

async function list(request, search) {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.redirected || !answer.ok) await caches.delete(KEPT); // signed out, or no longer ours
    else if (search === "") await kept.put(PATH, await dated(answer.clone()));
    return answer;
  } catch (offline) {
    const old = await kept.match(PATH);
    const age = Date.now() - Number(old?.headers.get(KEPT_AT) ?? 0);
    if (!old || age > HOURS_MAX * 3600_000) throw offline;
    const text = await old.text();
    return new Response(text.replace("data-offline hidden", "data-offline"), old);
  }
}

async function dated(answer) {
  const headers = new Headers(answer.headers);
  headers.set(KEPT_AT, String(Date.now()));
  return new Response(await answer.blob(), { headers });
}

async function asset(request) {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (offline) {
    const old = await kept.match(request);
    if (!old) throw offline;
    return old;
  }
}
