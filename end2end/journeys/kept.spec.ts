/** What is written stays on the device: through a killed browser, an ended session, an update, bad photos. */
import { type BrowserContext, type CDPSession, chromium, type Page, type Route } from "@playwright/test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import { Line } from "../line.ts";
import * as people from "../people.ts";
import { rung } from "../people.ts";

test("a half-written report is there again after the browser was killed", { tag: "@phone" }, async ({
  server,
  picture,
}, info) => {
  const profile = await mkdtemp(join(tmpdir(), "firsthand-profile-"));
  const { launchOptions, ...shape } = info.project.use;
  const open = () => chromium.launchPersistentContext(profile, { ...launchOptions, ...shape, baseURL: server.url });
  try {
    const first = await open();
    const page = await only(first);
    await people.signIn(page, people.GUARD);
    await people.shellIsKept(page);
    await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", text: "水管接头滴水，正在" });
    await expect(page.getByText("已自动存在手机 ✓")).toBeVisible();
    await picture(page, "half-written");
    await killed(first);

    await server.stop();
    const second = await open();
    // Browsers write a cookie to the disk some half a minute later: so soon, the session may be lost, and is here.
    await second.clearCookies();
    const again = await only(second);
    await again.goto("/");
    const card = again.getByRole("heading", { name: "有一份没写完的报告" });
    await expect(card).toBeVisible();
    await expect(again.getByText("1 张照片 · 水管接头滴水，正在")).toBeVisible();
    await picture(again, "home-after-the-kill");
    await again.getByRole("link", { name: "继续写" }).click();
    await expect(again.getByLabel("补充一句")).toHaveValue("水管接头滴水，正在");
    await expect(again.getByRole("radio", { name: "漏水" })).toBeChecked();
    await expect(again.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
    await picture(again, "the-same-report");
    await people.pickPlace(again, "5大堂", /^大堂/);
    await people.send(again);
    await server.start();
    await again.getByRole("status").getByRole("button", { name: "登录" }).click();
    await people.fillSignIn(again.getByRole("dialog", { name: "登录" }), people.GUARD);
    await expect(rung(again, "照片 1 / 1 已核对")).toBeVisible();
    await picture(again, "sent");
    await second.close();
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
});

test("a report saved without a network arrives once, though the browser was killed before it was sent", { tag: "@phone" }, async ({
  server,
  device,
  picture,
}, info) => {
  const desk = (await device(TABLET)).page;
  await people.signIn(desk, people.DESK);
  const line = await Line.to(server.port);
  const profile = await mkdtemp(join(tmpdir(), "firsthand-profile-"));
  const { launchOptions, ...shape } = info.project.use;
  const open = () => chromium.launchPersistentContext(profile, { ...launchOptions, ...shape, baseURL: line.url });
  try {
    const first = await open();
    const page = await only(first);
    await people.signIn(page, people.GUARD);
    await people.shellIsKept(page);
    await line.cut();
    await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "水管滴水" });
    await people.send(page);
    await expect(rung(page, "等服务台收到文字")).toBeVisible();
    // Browsers write a cookie to the disk some half a minute later: as it is after that.
    const cookies = await first.cookies();
    await killed(first);

    const second = await open();
    await second.addCookies(cookies);
    const again = await only(second);
    await again.goto("/");
    await expect(again.getByRole("link", { name: /1 条还没送出/ })).toBeVisible();
    await picture(again, "still-unsent-after-the-kill");
    expect(await people.reports(desk, "jinzhou")).toEqual([]);
    await line.mend();
    await again.getByRole("link", { name: /漏水/ }).click();
    await expect(rung(again, "照片 1 / 1 已核对")).toBeVisible({ timeout: 60_000 });
    await picture(again, "sent");
    expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水"]);

    // Killed before it has seen an answer, it sends again: the server takes nothing twice.
    await again.goto("/");
    await people.write(again, { category: "垃圾污渍", place: ["5大堂", /^大堂/], text: "地面有水" });
    await again.route("**/api/push", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await people.send(again);
    await expect.poll(() => people.reports(desk, "jinzhou")).toEqual(["地面有水", "水管滴水"]);
    await expect(rung(again, "等服务台收到文字")).toBeVisible();
    await killed(second);
    const third = await open();
    await third.addCookies(cookies);
    const last = await only(third);
    await last.goto("/");
    await last.getByRole("link", { name: /垃圾污渍/ }).click();
    await expect(rung(last, "服务台收到文字")).toBeVisible();
    expect(await people.reports(desk, "jinzhou")).toEqual(["地面有水", "水管滴水"]);
    await picture(last, "sent-twice-and-taken-once");
    await third.close();
  } finally {
    await line.cut();
    await rm(profile, { recursive: true, force: true });
  }
});

/** Ends a browser as the system ends an app in the background: no page is asked, nothing is said. */
async function killed(context: BrowserContext): Promise<void> {
  const gone = new Promise<void>((resolve) => context.once("close", () => resolve()));
  const browser = await context.browser()?.newBrowserCDPSession();
  // The answer is that there is nobody left to answer.
  await browser?.send("Browser.crash").catch(() => undefined);
  await gone;
}

/** The page that a browser opens with. */
async function only(context: BrowserContext): Promise<Page> {
  return context.pages()[0] ?? (await context.newPage());
}

test("an ended session stops nothing but the sending, until signing in again", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const phone = await device();
  const page = phone.page;
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  // As an administrator, or the person on another device, would end it.
  const sessions: { id: string }[] = await (await page.request.get("/api/sessions")).json();
  for (const { id } of sessions) await page.request.delete(`/api/sessions/${id}`);

  const ended = (tab: Page) => tab.getByRole("status").filter({ hasText: "登录已过期，1 条存在手机" });
  const banner = ended(page);
  const other = await phone.context.newPage();
  await other.goto("/");
  await people.write(page, { photo: "litter-small.jpg", category: "垃圾污渍", place: ["5大堂", /^大堂/] });
  await people.send(page);
  await expect(banner).toBeVisible();
  // One tab asks the server, and the other knows what it was told.
  await expect(ended(other)).toBeVisible();
  await picture(page, "expired");
  await phone.restart();
  // Meanwhile the other tab is the one that asks.
  await expect(banner).toBeVisible();
  await expect(page.getByRole("link", { name: /1 条还没送出/ })).toBeVisible();
  await picture(page, "expired-after-a-start");
  await banner.getByRole("button", { name: "登录" }).click();
  const sheet = page.getByRole("dialog", { name: "登录" });
  await expect(sheet.getByLabel("手机号或工号")).toHaveValue(people.GUARD.code);
  await picture(page, "signing-in-again");
  await people.fillSignIn(sheet, people.GUARD);
  await expect(sheet).toBeHidden();
  await expect(page.getByRole("link", { name: /条还没送出/ })).toBeHidden();
  await expect(other.getByRole("status").filter({ hasText: "登录已过期" })).toBeHidden();
  await page.getByRole("link", { name: /垃圾污渍/ }).click();
  await expect(rung(page, "照片 1 / 1 已核对")).toBeVisible();
  await picture(page, "drained");
  expect(phone.errors).toEqual([]);
});

test("a session that ends between the text and its photo stops nothing but the sending", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [page, desk] = [phone.page, desks.page];
  await people.signIn(desk, people.DESK);
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  // The text is through, and before its photo is, the session ends at the server.
  const endSession = async (route: Route) => {
    const sessions: { id: string }[] = await (await page.request.get("/api/sessions")).json();
    for (const { id } of sessions) await page.request.delete(`/api/sessions/${id}`);
    await route.continue();
  };
  await page.route("**/api/files", endSession, { times: 1 });
  await people.write(page, { photo: "litter-small.jpg", category: "垃圾污渍", place: ["5大堂", /^大堂/], text: "第一条" });
  await people.send(page);
  const banner = page.getByRole("status").filter({ hasText: "登录已过期，1 条存在手机" });
  await expect(banner).toBeVisible();
  expect(await people.reports(desk, "jinzhou")).toEqual(["第一条"]);
  await expect(rung(page, "服务台收到文字")).toBeVisible();
  await picture(page, "ended-before-the-photo");

  // Recording goes on.
  await page.goto("/");
  await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "第二条" });
  await people.send(page);
  const both = page.getByRole("status").filter({ hasText: "登录已过期，2 条存在手机" });
  await expect(both).toBeVisible();
  await picture(page, "and-recording-goes-on");
  await both.getByRole("button", { name: "登录" }).click();
  const sheet = page.getByRole("dialog", { name: "登录" });
  await people.fillSignIn(sheet, people.GUARD);
  await expect(sheet).toBeHidden();
  await expect(rung(page, "照片 1 / 1 已核对")).toBeVisible();
  await page.goto("/");
  await expect(page.getByRole("link", { name: /条还没送出/ })).toBeHidden();
  await page.getByRole("link", { name: /垃圾污渍/ }).click();
  await expect(rung(page, "照片 1 / 1 已核对")).toBeVisible();
  await picture(page, "drained");
  expect(await people.reports(desk, "jinzhou")).toEqual(["第一条", "第二条"]);
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

test("a full phone says what to do, keeps the text, half-keeps no photo, and goes on with room again", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  test.setTimeout(150_000);
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [page, desk] = [phone.page, desks.page];
  await hasRoom(page, phone.url, ROOM);
  await people.signIn(desk, people.DESK);
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await people.write(page, { category: "漏水", place: ["5大堂", /^大堂/] });
  // Less than such a photo takes, and far more than a report and what the browser's own logs take beside it.
  const photo = await noise(page);
  expect(photo.buffer.length).toBeGreaterThan(2 * LITTLE);
  await roomIs(page, phone.url, LITTLE);

  const full = page.getByRole("alert").filter({ hasText: "手机存满了，这次没有存上。请删掉一些不用的照片或应用，再试一次。" });
  await page.getByLabel("拍照", { exact: true }).setInputFiles(photo);
  await expect(full).toBeVisible();
  await expect(page.getByRole("button", { name: /^照片 \d$/ })).toHaveCount(0);
  expect(await kept(page, "blobs")).toBe(0);
  await picture(page, "no-room-for-a-photo");

  // What is typed has room, outlives the page, and goes.
  await page.getByLabel("补充一句").fill("水管滴水");
  await expect(page.getByText("已自动存在手机 ✓")).toBeVisible();
  await phone.restart("/report");
  await expect(page.getByLabel("补充一句")).toHaveValue("水管滴水");
  await people.send(page);
  await expect(rung(page, "服务台收到文字")).toBeVisible();
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水"]);
  expect(await kept(page, "attachments")).toBe(0);
  await picture(page, "the-text-went");

  // The person has made room, and takes the photo again.
  await hasRoom(page, phone.url);
  await page.goto("/");
  await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "还在滴水" });
  await people.send(page);
  await expect(rung(page, "照片 1 / 1 已核对")).toBeVisible();
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水", "还在滴水"]);
  await picture(page, "with-room-again");
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

/** How much room a phone has before it is full, in bytes: enough for everything that is kept meanwhile. */
const ROOM = 48 * 1024 * 1024;
/** How much of it is left on a phone that is nearly full, in bytes. */
const LITTLE = 768 * 1024;

/** A photo that no encoder makes small: as many pixels as the app keeps, each of its own colour. */
async function noise(page: Page): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const base64 = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(1_600, 1_600);
    const context = canvas.getContext("2d")!;
    const pixels = context.createImageData(canvas.width, canvas.height);
    for (let at = 0; at < pixels.data.length; at += 65_536) crypto.getRandomValues(pixels.data.subarray(at, at + 65_536));
    for (let alpha = 3; alpha < pixels.data.length; alpha += 4) pixels.data[alpha] = 255;
    context.putImageData(pixels, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
    return new Promise<string>((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve((reader.result as string).split(",")[1]!);
      reader.readAsDataURL(blob);
    });
  });
  return { name: "noise.jpg", mimeType: "image/jpeg", buffer: Buffer.from(base64, "base64") };
}

/** Gives a device so much room in all, or, without a number, as much as it likes. */
async function hasRoom(page: Page, origin: string, quotaSize?: number): Promise<CDPSession> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin, ...(quotaSize === undefined ? {} : { quotaSize }) });
  return cdp;
}

/** Leaves a device that had `ROOM` so many bytes of it. */
async function roomIs(page: Page, origin: string, room: number): Promise<void> {
  const cdp = await hasRoom(page, origin, 1);
  // The browser goes by what it last found for half a minute, unless that is too little: more than there ever was does
  // not fit into that, and so it looks again.
  const fits = () =>
    page.evaluate(async (bytes) => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opened = indexedDB.open("room");
        opened.onupgradeneeded = () => opened.result.createObjectStore("bytes");
        opened.onsuccess = () => resolve(opened.result);
        opened.onerror = () => reject(opened.error);
      });
      const write = (run: (store: IDBObjectStore) => void) =>
        new Promise<boolean>((resolve) => {
          const transaction = database.transaction("bytes", "readwrite");
          run(transaction.objectStore("bytes"));
          transaction.oncomplete = () => resolve(true);
          transaction.onabort = () => resolve(false);
        });
      const fits = await write((store) => store.put(new Uint8Array(bytes), 1));
      await write((store) => store.clear());
      database.close();
      return fits;
    }, ROOM);
  await expect.poll(fits, { timeout: 60_000 }).toBe(false);
  // What was written last counts a moment later.
  let usage = 0;
  const settled = async () => {
    const before = usage;
    ({ usage } = await cdp.send("Storage.getUsageAndQuota", { origin }));
    return usage === before;
  };
  await expect.poll(settled, { intervals: [2_000] }).toBe(true);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + room });
}

test("room that runs out is said before it has, and how long the oldest waits", { tag: "@phone" }, async ({ device, picture }) => {
  const phone = await device();
  const page = phone.page;
  // A browser that says how much room there is, and grants what it is asked for: Chromium hides the one, and grants the
  // other to apps that have been in use for a while.
  await page.addInitScript(() => {
    const left = Number(localStorage.getItem("test-left") ?? 900 * 1024 * 1024 + 1);
    let asked = false;
    navigator.storage.estimate = () => Promise.resolve({ usage: 1_000, quota: 1_000 + left });
    navigator.storage.persist = () => Promise.resolve((asked = true));
    navigator.storage.persisted = () => Promise.resolve(asked);
  });
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  expect(await page.evaluate(() => navigator.storage.persisted())).toBe(true);
  const warning = page.getByText("空间快满了。请删掉一些不用的照片或应用，不然新的照片存不上。");
  await page.goto("/me");
  await expect(page.getByText("不会被系统清掉")).toBeVisible();
  await expect(page.getByText(/^900(\.0)? MB$/)).toBeVisible();
  await expect(warning).toBeHidden();

  await page.evaluate(() => localStorage.setItem("test-left", String(10 * 1024 * 1024)));
  for (const path of ["/me", "/report", "/"]) {
    await page.goto(path);
    await expect(warning).toBeVisible();
  }
  await picture(page, "little-room");

  await phone.goOffline();
  await people.write(page, { category: "漏水", place: ["5大堂", /^大堂/], text: "水管滴水" });
  await people.send(page);
  await page.goto("/");
  await page.getByRole("link", { name: /1 条还没送出，最早的存了/ }).click();
  await expect(page.getByText(/^最早的一条存了/)).toBeVisible();
  await picture(page, "how-long-the-oldest-waits");
  expect(phone.errors).toEqual([]);
});

/** How many rows a table of the guard's database has. */
function kept(page: Page, table: string): Promise<number> {
  return page.evaluate(async (table) => {
    const names = (await indexedDB.databases()).map(({ name }) => name ?? "");
    const person = names.find((name) => /^firsthand-[0-9a-f-]{36}$/.test(name)) ?? "";
    return new Promise<number>((resolve, reject) => {
      const opened = indexedDB.open(person);
      opened.onerror = () => reject(opened.error);
      opened.onsuccess = () => {
        const counted = opened.result.transaction(table).objectStore(table).count();
        counted.onsuccess = () => {
          opened.result.close();
          resolve(counted.result);
        };
      };
    });
  }, table);
}

test("an update is offered, waits for a tap and loses nothing", { tag: "@phone" }, async ({ device, server, picture }) => {
  const phone = await device();
  const page = phone.page;
  const build = () => page.locator('meta[name="build"]').getAttribute("content");
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await phone.restart();
  await people.write(page, { photo: "litter-small.jpg", category: "漏水", text: "写到一半" });
  await expect(page.getByText("已自动存在手机 ✓")).toBeVisible();

  const other = await phone.context.newPage();
  await other.goto("/");
  const before = await build();
  const after = await server.deploy();
  await page.goto("/");
  const banner = page.getByRole("status").filter({ hasText: "有新版本" });
  await expect(banner).toBeVisible();
  expect(await build()).toBe(before);
  await picture(page, "offered");

  // Not over a report that is being written.
  await page.getByRole("link", { name: "继续写" }).click();
  await expect(page.getByLabel("补充一句")).toHaveValue("写到一半");
  await expect(banner).toBeHidden();
  await picture(page, "not-offered-over-a-report");

  // A password that is being typed is kept nowhere: no update then either.
  await page.goto("/me");
  await expect(banner).toBeVisible();
  await page.getByRole("button", { name: "改密码" }).click();
  const sheet = page.getByRole("dialog", { name: "改密码" });
  await sheet.getByLabel("现在的密码").fill("firsthand");
  await expect(banner).toBeHidden();
  // It is there and waits, and the page goes on with the build that it has.
  expect(await page.evaluate(async () => !!(await navigator.serviceWorker.ready).waiting)).toBe(true);
  expect(await build()).toBe(before);
  await picture(page, "not-offered-over-a-dirty-form");
  await sheet.getByRole("button", { name: "关闭" }).click();
  await expect(banner).toBeVisible();
  expect(await build()).toBe(before);

  await Promise.all([page.waitForEvent("load"), banner.getByRole("button", { name: "更新" }).click()]);
  await expect.poll(build).toBe(after);
  await expect(banner).toBeHidden();
  await page.goto("/");
  await page.getByRole("link", { name: "继续写" }).click();
  await expect(page.getByLabel("补充一句")).toHaveValue("写到一半");
  await expect(page.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
  await picture(page, "updated-with-the-draft");

  // In another tab it is in place already: there the page alone is of the old version.
  const buildOf = () => other.locator('meta[name="build"]').getAttribute("content");
  expect(await buildOf()).toBe(before);
  const offered = other.getByRole("status").filter({ hasText: "有新版本" });
  await Promise.all([other.waitForEvent("load"), offered.getByRole("button", { name: "更新" }).click()]);
  expect(await buildOf()).toBe(after);
  await expect(offered).toBeHidden();
  expect(phone.errors).toEqual([]);
});

test("a page that did not get onto the phone says so, and comes when tried again", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const phone = await device();
  const { page } = phone;
  const parts = /\/split_\w+\.wasm$/;
  await phone.context.route(parts, (route) => route.abort());
  await people.signInAlone(page, people.GUARD);
  // The engine that fetches places and people did not get there either.
  await expect(page.getByRole("heading", { name: "还没有小区资料" })).toBeVisible();
  await page.getByLabel("拍照报告问题").setInputFiles(people.photo("litter-small.jpg"));
  const missing = page.getByRole("heading", { name: "这一页还没装到手机上" });
  await expect(missing).toBeVisible();
  await picture(page, "missing");
  await phone.context.unroute(parts);
  const start = await page.evaluate(() => performance.timeOrigin);
  await page.getByRole("button", { name: "再试一次" }).click();
  await expect(page.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
  await page.getByRole("button", { name: "返回" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "金洲花园" })).toBeVisible();
  expect(await page.evaluate(() => performance.timeOrigin)).toBe(start);
  await picture(page, "tried-again");
});

test("a part that stops coming is given up and comes when tried again", { tag: "@phone" }, async ({ device, picture }) => {
  const phone = await device();
  const { page } = phone;
  // The time after which it is given up, and no other, is over at once.
  await page.addInitScript(() => {
    const later = window.setTimeout.bind(window) as (...asked: unknown[]) => number;
    const soon = (run: unknown, ms: unknown, ...rest: unknown[]) => later(run, ms === 20_000 ? 500 : ms, ...rest);
    window.setTimeout = soon as typeof window.setTimeout;
  });
  const parts = /\/split_\w+\.wasm$/;
  let asked = 0;
  await phone.context.route(parts, () => {
    asked += 1;
  });
  await people.signInAlone(page, people.GUARD);
  await expect(page.getByRole("heading", { name: "还没有小区资料" })).toBeVisible();
  await page.getByRole("link", { name: "不拍照" }).click();
  await expect(page.getByRole("heading", { name: "这一页还没装到手机上" })).toBeVisible();
  await picture(page, "given-up");
  expect(asked).toBeGreaterThan(0);
  await phone.context.unroute(parts);
  await page.getByRole("button", { name: "再试一次" }).click();
  await expect(page.getByLabel("补充一句")).toBeVisible();
  await page.getByRole("button", { name: "返回" }).click();
  await expect(page.getByRole("link", { name: "在线", exact: true })).toBeVisible();
  await picture(page, "tried-again");
});

test("a page of a version that the server no longer has comes with the new one", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const phone = await device();
  const { page } = phone;
  let gone = true;
  await phone.context.route(/\/split_\w+\.wasm$/, (route) =>
    gone ? route.fulfill({ status: 404 }) : route.continue());
  await people.signInAlone(page, people.GUARD);
  await page.getByLabel("拍照报告问题").setInputFiles(people.photo("litter-small.jpg"));
  await expect(page.getByRole("heading", { name: "这一页还没装到手机上" })).toBeVisible();
  // The page that is loaded from now on is that of the new version, whose parts are there.
  page.on("framenavigated", () => { gone = false; });
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "再试一次" }).click()]);
  await expect(page.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
  await picture(page, "the-new-page");
});

test("what the server has acknowledged outlives its being killed", { tag: "@phone" }, async ({ device, server, picture }) => {
  const [guards, desks] = [await device(PHONE), await device(TABLET)];
  const [guard, desk] = [guards.page, desks.page];
  await people.signIn(guard, people.GUARD);
  await people.signIn(desk, people.DESK);
  await people.write(guard, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/] });
  await people.send(guard);
  await expect(rung(guard, "服务台收到文字")).toBeVisible();
  const number = await people.numberOf(guard);
  await server.kill();
  // What is done meanwhile waits, as without a network.
  await guard.goto("/");
  await people.write(guard, { category: "垃圾污渍", place: ["5大堂", /^大堂/], text: "大堂地面" });
  await people.send(guard);
  await expect(rung(guard, "等服务台收到文字")).toBeVisible();
  await picture(guard, "without-a-server");
  await server.start();

  await expect(rung(guard, "服务台收到文字")).toBeVisible({ timeout: 60_000 });
  expect(await people.numberOf(guard)).not.toBe(number);
  const cards = people.column(desk, "待受理").getByRole("button", { name: /大堂/ });
  await expect(cards).toHaveCount(2, { timeout: 60_000 });
  const open = await people.openCard(desk, /漏水/);
  await expect(open.getByText(number).first()).toBeVisible();
  await expect(rung(open, "照片 1 / 1 已核对")).toBeVisible({ timeout: 60_000 });
  await picture(desk, "both-and-the-photo");
  expect([...guards.errors, ...desks.errors]).toEqual([]);
});

const TAKE_ANOTHER = "请重新拍一张。";
const BAD_PHOTOS = [
  ["bad-html.jpg", `这部手机打不开这张照片。${TAKE_ANOTHER}`],
  ["bad-text.jpg", `这部手机打不开这张照片。${TAKE_ANOTHER}`],
  ["bad-truncated.jpg", `这部手机打不开这张照片。${TAKE_ANOTHER}`],
  ["bad-pixel-bomb.png", "照片太大，这部手机打不开。请重新拍一张小一点的。"],
] as const;

test("a photo that is none gets its sentence, and the report goes on", { tag: "@phone" }, async ({ device, picture }) => {
  const { page, errors } = await device();
  await people.signIn(page, people.GUARD);
  await people.write(page, { photo: "litter-small.jpg", category: "漏水", text: "门口漏水" });
  for (const [name, sentence] of BAD_PHOTOS) {
    await test.step(name, async () => {
      await page.getByLabel("再拍一张").setInputFiles(people.photo(name));
      await expect(page.getByRole("alert").filter({ hasText: sentence })).toBeVisible();
      await expect(page.getByRole("button", { name: /^照片 \d$/ })).toHaveCount(1);
      await expect(page.getByLabel("补充一句")).toHaveValue("门口漏水");
      await picture(page, name);
    });
  }
  // Turned by EXIF, with a profile, with transparency: these are photos.
  for (const name of ["lamp-portrait-exif6.jpg", "lift-exif3.jpg", "screenshot.png"]) {
    await page.getByLabel("再拍一张").setInputFiles(people.photo(name));
  }
  await expect(page.getByRole("button", { name: /^照片 \d$/ })).toHaveCount(4);
  await picture(page, "four-good-photos");
  await people.pickPlace(page, "5大堂", /^大堂/);
  await people.send(page);
  await expect(rung(page, "照片 4 / 4 已核对")).toBeVisible();
  await picture(page, "all-verified");

  // From the home page, where the report begins with the photo.
  await page.goto("/");
  await page.getByLabel("拍照报告问题").setInputFiles(people.photo("bad-html.jpg"));
  await expect(page.getByText(BAD_PHOTOS[0][1])).toBeVisible();
  await picture(page, "bad-photo-at-home");
  expect(errors).toEqual([]);
});
