/**
 * What every journey starts from: a server of its own, pictures of its steps, and errors that do not pass
 * unseen.
 */
import { test as base, type Browser, type BrowserContext, type Page } from "@playwright/test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Camera } from "./camera.ts";
import { PHONE } from "./devices.ts";
import { Line } from "./line.ts";
import { ROOT, Server } from "./server.ts";

export { expect } from "@playwright/test";

type Shape = Partial<typeof PHONE>;

/** Where a phone at the property is. */
export const HERE = { latitude: 22.5435, longitude: 114.0579, accuracy: 8 };

/** A phone or a tablet: storage, cookies and a line to the server of its own, and one page. */
export class Device {
  readonly page: Page;
  /** What its page has reported as errors so far. */
  readonly errors: string[];
  readonly #line: Line;

  constructor(page: Page, line: Line) {
    this.page = page;
    this.errors = errorsOf(page);
    this.#line = line;
  }

  get context(): BrowserContext {
    return this.page.context();
  }

  /** The server's address as this device knows it. */
  get url(): string {
    return this.#line.url;
  }

  /** What it has asked of the server so far, page and service worker alike. */
  get asked(): readonly string[] {
    return this.#line.asked;
  }

  /** Leaves the network; the app may still start from what it has kept. */
  async goOffline(): Promise<void> {
    await this.#line.cut();
    await this.context.setOffline(true);
  }

  /** Comes back into the network. */
  async goOnline(): Promise<void> {
    await this.#line.mend();
    await this.context.setOffline(false);
  }

  /** Ends the app and starts it at an address. */
  async restart(path = "/"): Promise<void> {
    await this.page.goto("about:blank");
    await this.page.goto(path);
  }
}

interface Fixtures {
  /** The server, with the demo and nothing else in it. */
  server: Server;
  /** Keeps a picture of the page under `artefacts/steps`, numbered in the order of the test's steps. */
  picture: (page: Page, step: string) => Promise<void>;
  /** A device, of another shape than the project's and in another browser if wanted. */
  device: (shape?: Shape, browser?: Browser) => Promise<Device>;
  /** A phone at the property, and its camera, of which the test says what it sees. */
  scanner: () => Promise<{ phone: Device; camera: Camera }>;
}

export const test = base.extend<Fixtures>({
  server: async ({}, use, testInfo) => {
    const server = await Server.start();
    try {
      await use(server);
    } finally {
      if (testInfo.status !== testInfo.expectedStatus) {
        await testInfo.attach("server.log", { body: server.log, contentType: "text/plain" });
      }
      await server.dispose();
    }
  },

  baseURL: async ({ server }, use) => use(server.url),

  picture: async ({}, use, testInfo) => {
    const words = testInfo.titlePath.slice(1).join(" ").replaceAll(/[^\p{L}\p{N}]+/gu, "-");
    const folder = join(ROOT, "end2end/artefacts/steps", testInfo.project.name, words);
    await mkdir(folder, { recursive: true });
    let number = 0;
    await use(async (page, step) => {
      number += 1;
      const name = `${String(number).padStart(2, "0")}-${step}.png`;
      await page.screenshot({ path: join(folder, name), animations: "disabled", scale: "css" });
    });
  },

  device: async ({ browser, server }, use) => {
    const made: [BrowserContext, Line][] = [];
    await use(async (shape = {}, other = browser) => {
      const line = await Line.to(server.port);
      // The options of the project hold for contexts that a test makes, too.
      const context = await other.newContext({ baseURL: line.url, ...shape });
      made.push([context, line]);
      return new Device(await context.newPage(), line);
    });
    for (const [context, line] of made) {
      await context.close();
      await line.cut();
    }
  },

  scanner: async ({ playwright, device }, use, testInfo) => {
    const made: [Browser, Camera][] = [];
    await use(async () => {
      const camera = await Camera.make();
      // What a camera sees is said to a browser when it starts.
      const { args = [], ...options } = testInfo.project.use.launchOptions ?? {};
      const seen = `--use-file-for-fake-video-capture=${camera.file}`;
      const browser = await playwright.chromium.launch({ ...options, args: [...args, seen] });
      made.push([browser, camera]);
      const phone = await device(PHONE, browser);
      await phone.context.grantPermissions(["geolocation"]);
      await phone.context.setGeolocation(HERE);
      return { phone, camera };
    });
    for (const [browser, camera] of made) {
      await browser.close();
      await camera.dispose();
    }
  },
});

/**
 * Collects what a page reports as an error: uncaught exceptions and what it writes to the console as one.
 *
 * Chromium also writes there when a request fails or is refused. That is left out: without a network, or before
 * signing in, it is as it should be.
 */
export function errorsOf(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
  });
  return errors;
}
