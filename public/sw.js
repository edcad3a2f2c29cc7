// The service worker: keeps one build of the app's shell, so that it starts without a network.
//
// HTML, glue and all parts of the wasm are cached at install and switch as one set when the person accepts the update. The server's own
// paths are never touched: what a person writes and reads is kept by the app, not here.

const BUILD = "{{build}}";
const PREFIX = "firsthand-";
const CACHE = PREFIX + BUILD;
const SHELL = "/";
const FILES = /*{{precache}}*/[];
const SERVERS_OWN = /^\/(api\/|healthz$|readyz$|metrics$)/;

const install = async () => {
  // Not `addAll` on the shell: during a deployment the page may already be, or still be, of another build than this
  // worker, and would ask for files that are not in the set. Then this install fails and the next visit tries again.
  const page = await fetch(SHELL, { cache: "reload" });
  if (!page.ok || !(await page.clone().text()).includes(`name="build" content="${BUILD}"`)) {
    throw new Error(`the page is not of build ${BUILD}`);
  }
  const cache = await caches.open(CACHE);
  await cache.addAll([...new Set(FILES)].filter((url) => url !== SHELL).map((url) => new Request(url, { cache: "reload" })));
  await cache.put(SHELL, page);
};

const dropOutdated = async () => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
};

const fromCache = async (request, key) => {
  const cache = await caches.open(CACHE);
  return (await cache.match(key)) ?? fetch(request);
};

self.addEventListener("install", (event) => event.waitUntil(install()));

self.addEventListener("activate", (event) => event.waitUntil(dropOutdated()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || SERVERS_OWN.test(url.pathname)) return;
  event.respondWith(fromCache(request, request.mode === "navigate" ? SHELL : request));
});

self.addEventListener("message", (event) => {
  if (event.data?.type !== "take-over") return;
  event.source?.postMessage({ type: "accepted" });
  event.waitUntil(self.skipWaiting());
});
