// Keeps the last worklist that came, for a nurse on a road without network: it says that it is old.
//
// Only the worklist as it was first asked for is kept, and what it looks like; never longer than
// HOURS_MAX. Signing out, and anybody's signing in, has the browser clear it (Clear-Site-Data), and
// so has the first answer after the session's end.
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
    const signedOut = answer.type === "opaqueredirect" || answer.redirected;
    if (signedOut || answer.status === 401 || answer.status === 403) await caches.delete(KEPT);
    else if (answer.ok && search === "") await kept.put(PATH, await dated(answer.clone()));
    if (answer.status < 500) return answer;
    return (await old(kept)) ?? answer; // a server in trouble is no network
  } catch (offline) {
    const found = await old(kept);
    if (!found) throw offline;
    return found;
  }
}

async function old(kept) {
  const found = await kept.match(PATH);
  const age = Date.now() - Number(found?.headers.get(KEPT_AT) ?? 0);
  if (!found || age > HOURS_MAX * 3600_000) return undefined;
  const text = await found.text();
  return new Response(text.replace("data-offline hidden", "data-offline"), found);
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
