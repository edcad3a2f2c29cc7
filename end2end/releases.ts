/**
 * The client of a release, as the server met it: the requests of a guard, the desk and a technician over one case, and
 * what their pages were answered. A later server has to take the same requests and answer with at least the same.
 *
 * A recording holds requests as they were made, down to the byte: commands are signed. Of answers it holds the status and
 * the shape, which is every field with the kinds of value that it had. `npm run record` makes one at a release; see
 * ARCHITECTURE.md.
 */
import type { BrowserContext } from "@playwright/test";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./server.ts";

/** Where recordings lie, a file for each release. */
export const CLIENTS = join(ROOT, "end2end/clients");

/** A request and what was answered. */
export interface Exchange {
  /** Whose device, such as `guard`. */
  device: string;
  method: string;
  /** From `/api/` on. */
  path: string;
  headers: Record<string, string>;
  /** In base64, because a photo is no text. */
  body?: string;
  status: number;
}

/** What one client of a release did. */
export interface Recording {
  release: string;
  exchanges: Exchange[];
  /** By route, each field that was answered with the kinds of value that it had. */
  shapes: Record<string, string[]>;
}

/** The headers of a request that mean something to our server. */
const HEADERS = ["content-type", "tus-resumable", "upload-length", "upload-metadata", "upload-offset"];
/** The headers of an answer that the client reads. */
const ANSWERED = ["content-type", "location", "retry-after", "upload-offset"];

/** The recordings there are, the oldest first. */
export async function recordings(): Promise<Recording[]> {
  const names = (await readdir(CLIENTS)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(CLIENTS, name), "utf8"))));
}

/** Writes down what devices ask. */
export class Recorder {
  readonly #exchanges: Exchange[] = [];
  readonly #shapes = new Shapes();

  /** Stands between a device and the server. */
  async follow(context: BrowserContext, device: string): Promise<void> {
    // All but the stream of pokes, which never ends.
    await context.route(/\/api\/(?!live)/, async (route) => {
      const request = route.request();
      const { pathname, search } = new URL(request.url());
      const response = await route.fetch();
      const text = await response.text();
      const [headers, body] = [only(HEADERS, await request.allHeaders()), request.postDataBuffer()];
      const exchange: Exchange = { device, method: request.method(), path: pathname + search, headers, status: response.status() };
      if (body) exchange.body = body.toString("base64");
      this.#exchanges.push(exchange);
      this.#shapes.add(routeOf(exchange), response.headers(), text);
      await route.fulfill({ response });
    });
  }

  /** What was written down so far. */
  recording(release: string): Recording {
    return { release, exchanges: this.#exchanges, shapes: this.#shapes.all() };
  }
}

/**
 * Makes the requests of a recording again, one after the other; answers what differs: statuses, and fields or kinds of
 * value that are not there any more.
 */
export async function replay(recording: Recording, url: string): Promise<string[]> {
  const differs: string[] = [];
  const shapes = new Shapes();
  const cookies = new Map<string, string>();
  const cursors = new Map<string, string>();
  for (const exchange of recording.exchanges) {
    const { device, method, headers, body } = exchange;
    const address = new URL(exchange.path, url);
    const feed = `${device} ${address.searchParams.get("site")}`;
    // A cursor is sealed with a key of the database that it came from: this one has its own.
    if (address.searchParams.has("cursor")) address.searchParams.set("cursor", cursors.get(feed) ?? "");
    const cookie = cookies.get(device);
    const response = await fetch(address, {
      method,
      headers: { ...headers, ...(cookie ? { cookie } : {}) },
      ...(body === undefined ? {} : { body: Buffer.from(body, "base64") }),
    });
    const set = response.headers.getSetCookie()[0]?.split(";")[0];
    if (set) cookies.set(device, set);
    const text = await response.text();
    if (response.status !== exchange.status) {
      differs.push(`${device}: ${method} ${exchange.path}: ${response.status} instead of ${exchange.status} ${text}`);
    }
    shapes.add(routeOf(exchange), Object.fromEntries(response.headers), text);
    if (address.pathname === "/api/pull" && response.ok) cursors.set(feed, JSON.parse(text).cursor);
  }
  const now = shapes.all();
  for (const [of, fields] of Object.entries(recording.shapes)) {
    const missing = fields.filter((field) => !now[of]?.includes(field));
    differs.push(...missing.map((field) => `${of}: no ${field} any more`));
  }
  return differs;
}

/** Fields by route, each with the kinds of value that it was seen with. */
class Shapes {
  readonly #routes = new Map<string, Set<string>>();

  add(route: string, headers: Record<string, string>, text: string): void {
    const fields = this.#routes.get(route) ?? new Set();
    this.#routes.set(route, fields);
    for (const name of Object.keys(only(ANSWERED, headers))) fields.add(`header ${name}`);
    if (/\bjson\b/.test(headers["content-type"] ?? "")) walk(JSON.parse(text), "", fields);
  }

  all(): Record<string, string[]> {
    const sorted = [...this.#routes].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([route, fields]) => [route, [...fields].sort()]));
  }
}

function walk(value: unknown, at: string, fields: Set<string>): void {
  if (Array.isArray(value)) {
    fields.add(`${at}: list`);
    for (const item of value) walk(item, `${at}[]`, fields);
  } else if (value !== null && typeof value === "object") {
    fields.add(`${at}: object`);
    for (const [name, inner] of Object.entries(value)) walk(inner, `${at}.${ID.test(name) ? "*" : name}`, fields);
  } else {
    fields.add(`${at}: ${value === null ? "null" : typeof value}`);
  }
}

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** A request's method and address without what differs between two of the same kind. */
function routeOf({ method, path }: Exchange): string {
  const { pathname } = new URL(path, "http://localhost");
  const parts = pathname.split("/").map((part) => (ID.test(part.replace(/\.thumb$/, "")) ? "*" : part));
  return `${method} ${parts.join("/")}`;
}

function only(names: string[], headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}
