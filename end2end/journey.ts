/**
 * What every journey starts from: a server of its own, pictures of its steps, and errors that do not pass
 * unseen.
 */
import { test as base, type BrowserContext, type Page } from "@playwright/test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ROOT, Server } from "./server.ts";

export { expect } from "@playwright/test";

interface Fixtures {
  /** The server, with the demo and nothing else in it. */
  server: Server;
  /** Keeps a picture of the page under `artefacts/steps`, numbered in the order of the test's steps. */
  picture: (page: Page, step: string) => Promise<void>;
  /** One more device: storage, cookies and network of its own, otherwise like the project's. */
  device: () => Promise<BrowserContext>;
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
      await page.screenshot({ path: join(folder, name), animations: "disabled" });
    });
  },

  // The options of the project hold for contexts that a test makes, too.
  device: async ({ browser, baseURL }, use) => {
    const made: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext(baseURL ? { baseURL } : {});
      made.push(context);
      return context;
    });
    await Promise.all(made.map((context) => context.close()));
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
