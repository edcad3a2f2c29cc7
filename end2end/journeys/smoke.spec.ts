/** The least that must hold before any journey makes sense: it starts, it is ours, it survives the server. */
import { errorsOf, expect, test } from "../journey.ts";

test("the app starts without an error", async ({ page, picture }) => {
  const errors = errorsOf(page);
  await page.goto("/");
  await expect(page).toHaveTitle(/首问/);
  await expect(page.locator("#splash")).toHaveCount(0);
  await picture(page, "start");
  expect(errors).toEqual([]);
});

test("the app starts without a server from the second visit on", async ({ page, server, picture }) => {
  await page.goto("/");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await server.stop();
  await page.goto("/");
  await expect(page.locator("#splash")).toHaveCount(0);
  await picture(page, "start-offline");
});

test("a first visit loads nothing twice", async ({ device }) => {
  const { page, asked } = await device();
  await page.goto("/");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const assets = asked.filter((path) => path.startsWith("/assets/"));
  expect(assets.length).toBeGreaterThan(4);
  expect(assets).toEqual([...new Set(assets)]);
});

test("a killed server starts again at the same address", async ({ request, server }) => {
  await server.restart("kill");
  expect((await request.get("/healthz")).status()).toBe(200);
});
