// The service worker: keeps one build of the app's shell, so that it starts without a network, and sends what lies in
// the outbox when the browser calls for it (Background Sync), also after the app was closed.
//
// The shell. HTML, glue and all parts of the wasm are cached at install and switch as one set when the person accepts
// the update. The server's own paths are never touched: what a person writes and reads is kept by the app, not here.
//
// Sending. Rows of the outbox lie there ready to send, each with its text and its author's signature; photos lie beside
// their upload's row. The worker posts them and writes nothing: no verdict, no mark. When the app opens, its engine
// sends the same rows again, and the server, which keeps the verdict of every command and finds every upload by its
// name, answers what it answered here. So there is one place that judges an answer and one that deletes a row, nothing
// can be lost by a worker that the browser ends in the middle, and nothing can be doubled. That costs one request more
// when the app opens.
//
// A tab that syncs holds the lock of its person's database. Then this leaves that database to the tab and asks to be
// called again, for tabs are killed too; at the last call it sends all the same. It never takes the lock: a page must
// not wait for a worker.

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
  // What has a hash in its name never changes: what the page has just loaded is not loaded again.
  const cacheOf = (url) => (url.startsWith("/assets/") ? "default" : "reload");
  const files = [...new Set(FILES)].filter((url) => url !== SHELL);
  await cache.addAll(files.map((url) => new Request(url, { cache: cacheOf(url) })));
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

// The wire's version and its limits of one push: `shared/src/wire.rs`.
const WIRE = 1;
const PUSH_COMMANDS = 100;
const PUSH_BYTES = 256 * 1024;
const LIMIT_MS = 120_000;

const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

// A database that is not there is not made: the app makes its own, with the stores that it needs.
const open = (name) => {
  const request = indexedDB.open(name);
  request.onupgradeneeded = () => request.transaction.abort();
  return result(request).catch(() => undefined);
};

const read = (database, table, key) => {
  const store = database.transaction(table).objectStore(table);
  return result(key === undefined ? store.getAll() : store.get(key));
};

const rows = async (database, table) => (await read(database, table)).map((text) => JSON.parse(text));

// 401: nobody is signed in. That is for a person to mend, and trying again is of no use. What else is refused for good is
// told to the app, which sends it again and shows why.
class SignedOut extends Error {}

const send = async (url, options) => {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(LIMIT_MS) });
  if (answer.status === 401) throw new SignedOut();
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) throw new Error(`status ${answer.status}`);
  return answer;
};

const push = async (device, outbox) => {
  const encoder = new TextEncoder();
  // What the server had answered before it was restored is for the app, which tells it what that was.
  const unsent = outbox.filter(({ delivery }) => delivery === "pending" || delivery.held);
  while (unsent.length > 0) {
    // A signature vouches for a chain: one push has no hole.
    const batch = [];
    for (let bytes = 0; batch.length < PUSH_COMMANDS && unsent.length > 0; batch.push(unsent.shift())) {
      bytes += encoder.encode(unsent[0].text).length;
      if (batch.length > 0 && (bytes > PUSH_BYTES || unsent[0].n !== batch.at(-1).n + 1)) break;
    }
    const { author, signature } = batch.at(-1);
    const commands = batch.map(({ text }) => text);
    const body = JSON.stringify({ v: WIRE, device, author, sent_at: Date.now(), commands, signature });
    const answer = await send("/api/push", { method: "POST", headers: { "content-type": "application/json" }, body });
    if (!answer.ok) return;
  }
};

const upload = async ({ author, site, sha256 }, name, bytes) => {
  const metadata = { name, sha256, site, author };
  const headers = { "Tus-Resumable": "1.0.0", "content-type": "application/offset+octet-stream" };
  const announced = await send("/api/files", {
    method: "POST",
    headers: {
      ...headers,
      "Upload-Length": bytes.length,
      "Upload-Metadata": Object.entries(metadata).map(([key, value]) => `${key} ${btoa(value)}`).join(),
    },
    body: bytes,
  });
  // What the app had begun goes on from where the server stands.
  const offset = Number(announced.headers.get("Upload-Offset"));
  if (!announced.ok || offset >= bytes.length) return;
  await send(`/api/files/${name}?author=${author}`, {
    method: "PATCH",
    headers: { ...headers, "Upload-Offset": offset },
    body: bytes.subarray(offset),
  });
};

const sendPhotos = async (database, outbox, part) => {
  // Photos of what came too late may be those of what took effect in its place.
  const unwanted = ({ delivery: { refused } }) => refused && refused.rejection.code !== "command.original_done";
  const refused = new Set(outbox.filter(unwanted).map(({ id }) => id));
  for (const row of await rows(database, "attachments")) {
    if (row.part !== part || row.state !== "waiting" || refused.has(row.command)) continue;
    const name = part === "thumb" ? `${row.photo}.thumb` : row.photo;
    const bytes = await read(database, "blobs", name);
    if (bytes) await upload(row, name, bytes);
  }
};

// Everybody's who has signed in on this device: the signatures say whose it is, whoever carries it.
const sendAll = async (lastCall) => {
  const accounts = await open("firsthand");
  const known = JSON.parse((accounts && (await read(accounts, "meta", "accounts"))) ?? '{"known":{}}').known;
  accounts?.close();
  const { held } = await navigator.locks.query();
  let left = false;
  for (const name of new Set(Object.values(known).map((person) => `firsthand-${person}`))) {
    if (!lastCall && held.some((lock) => lock.name === `${name}-sync`)) {
      left = true;
      continue;
    }
    const database = await open(name);
    if (!database) continue;
    database.onversionchange = () => database.close();
    try {
      const outbox = await rows(database, "outbox");
      await push(JSON.parse(await read(database, "meta", "device")), outbox);
      // Text never waits for a photo, and thumbnails go first.
      for (const part of ["thumb", "full"]) await sendPhotos(database, outbox, part);
    } finally {
      database.close();
    }
  }
  if (left) throw new Error("a tab has it in hand; to be called again in case it ends");
};

self.addEventListener("sync", (event) => {
  if (event.tag !== "outbox") return;
  const sent = sendAll(event.lastChance).catch((error) => {
    if (!(error instanceof SignedOut)) throw error;
  });
  event.waitUntil(sent);
});
