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

test("a killed server starts again at the same address", async ({ request, server }) => {
  await server.restart("kill");
  expect((await request.get("/healthz")).status()).toBe(200);
});
