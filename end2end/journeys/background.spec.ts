/** What goes on while nobody looks: the app is closed, open twice, or handed to a colleague. */
import type { Page } from "@playwright/test";
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as people from "../people.ts";
import { rung } from "../people.ts";
import { Workers, calledFor } from "../workers.ts";

test("what was saved without a network is sent after the app was closed, and once", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [page, desk] = [phone.page, desks.page];
  await people.signIn(desk, people.DESK);
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await phone.goOffline();
  await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "水管滴水" });
  await people.send(page);
  await expect(rung(page, "等服务台收到文字")).toBeVisible();
  await expect.poll(() => calledFor(page)).toEqual(["outbox"]);
  await picture(page, "saved-offline");
  const workers = await Workers.of(phone.context);
  await page.close();
  expect(await people.reports(desk, "jinzhou")).toEqual([]);

  await phone.goOnline();
  // The tab that was closed may still be ending: then the worker leaves it to the tab and asks to be called again.
  const called = async () => {
    await workers.sync(phone.url);
    return people.reports(desk, "jinzhou");
  };
  await expect.poll(called).toEqual(["水管滴水"]);
  const open = await people.openCard(desk, /漏水/);
  await expect(rung(open, "照片 1 / 1 已核对")).toBeVisible();
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水"]);
  await picture(desk, "at-the-desk-with-the-app-closed");

  const again = workers.page;
  await again.goto("/");
  await again.getByRole("link", { name: /漏水/ }).click();
  await expect(rung(again, "照片 1 / 1 已核对")).toBeVisible();
  await again.goto("/");
  await expect(again.getByRole("link", { name: "在线", exact: true })).toBeVisible();
  await expect(again.getByRole("link", { name: /条还没送出/ })).toBeHidden();
  await picture(again, "shown-as-sent");
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水"]);
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

test("what a tab has in hand is left to it, until the browser calls for the last time", { tag: "@phone" }, async ({ device }) => {
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [page, desk] = [phone.page, desks.page];
  await people.signIn(desk, people.DESK);
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  // The tab's own requests hang, as those of a tab that the system has frozen.
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route("**/api/push", async (route) => {
    await held;
    await route.continue();
  });
  await people.write(page, { category: "漏水", place: ["5大堂", /^大堂/], text: "水管滴水" });
  await people.send(page);
  const worker = phone.context.serviceWorkers()[0];
  if (!worker) throw new Error("no service worker runs");
  expect(await worker.evaluate("sendAll(false).catch((error) => error.message)")).toMatch(/^a tab has it in hand/);
  expect(await people.reports(desk, "jinzhou")).toEqual([]);

  await worker.evaluate("sendAll(true)");
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水"]);
  await expect(rung(page, "等服务台收到文字")).toBeVisible();
  letGo();
  await expect(rung(page, "服务台收到文字")).toBeVisible();
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水"]);
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

test("of two tabs one sends and both show; when it is closed the other goes on", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [first, desk] = [phone.page, desks.page];
  await people.signIn(desk, people.DESK);
  await people.signIn(first, people.GUARD);
  const second = await phone.context.newPage();
  const sent = { first: pushes(first), second: pushes(second) };
  await second.goto("/");
  await expect(second.getByRole("heading", { level: 1, name: /金洲花园/ })).toBeVisible();
  // Only one of them speaks with the server, and both say how that went.
  const chip = (page: Page, word: string) => page.getByRole("link", { name: word, exact: true });
  for (const page of [first, second]) await expect(chip(page, "在线")).toBeVisible();
  await phone.goOffline();
  for (const page of [first, second]) await expect(chip(page, "离线")).toBeVisible();
  await phone.goOnline();
  for (const page of [first, second]) await expect(chip(page, "在线")).toBeVisible();

  // Saved in the tab that does not sync: the other one sends it.
  await people.write(second, { category: "漏水", place: ["5大堂", /^大堂/], text: "第一条" });
  await people.send(second);
  await expect(rung(second, "服务台收到文字")).toBeVisible();
  await first.getByRole("link", { name: /漏水/ }).click();
  await expect(rung(first, "服务台收到文字")).toBeVisible();
  expect(sent.first.length).toBeGreaterThan(0);
  expect(sent.second).toEqual([]);
  await picture(first, "shown-in-the-tab-that-sends");
  await picture(second, "shown-in-the-other-tab");

  await first.close();
  await second.goto("/");
  await people.write(second, { category: "垃圾污渍", place: ["5大堂", /^大堂/], text: "第二条" });
  await people.send(second);
  await expect(rung(second, "服务台收到文字")).toBeVisible();
  expect(sent.second.length).toBeGreaterThan(0);
  await picture(second, "sent-by-the-one-that-is-left");
  expect(await people.reports(desk, "jinzhou")).toEqual(["第一条", "第二条"]);
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

test("a report is written in the tab that was opened last, and nothing typed in another is lost", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [first, desk] = [phone.page, desks.page];
  await people.signIn(desk, people.DESK);
  await people.signIn(first, people.GUARD);
  await people.write(first, { category: "漏水", place: ["5大堂", /^大堂/], text: "水管滴水" });
  const second = await phone.context.newPage();
  await second.goto("/report");
  const line = (page: Page) => page.getByLabel("补充一句");
  await expect(line(second)).toHaveValue("水管滴水");
  const photo = (page: Page, number: number) => page.getByRole("button", { name: `照片 ${number}`, exact: true });
  const elsewhere = (page: Page) => page.getByRole("heading", { name: "另一个页面正在写这份报告" });
  await expect(elsewhere(first)).toBeVisible();
  await expect(line(first)).toHaveCount(0);
  await picture(first, "written-in-another-tab");

  // Typed there and asked for here at once: the last letters come along.
  await line(second).fill("水管滴水，地上湿了一片");
  await first.getByRole("button", { name: "在这里继续写" }).click();
  await expect(line(first)).toHaveValue("水管滴水，地上湿了一片");
  await expect(elsewhere(second)).toBeVisible();

  // While a photo is being made small, which may take long on a cheap phone, the report stays where it is; then it goes with
  // the photo.
  await first.evaluate(() => {
    const decode = window.createImageBitmap.bind(window) as (...args: unknown[]) => Promise<ImageBitmap>;
    const slowly = async (...args: unknown[]) => {
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      return decode(...args);
    };
    Object.assign(window, { createImageBitmap: slowly });
  });
  await first.getByLabel("拍照", { exact: true }).setInputFiles(people.photo("leak-12mp.jpg"));
  await second.getByRole("button", { name: "在这里继续写" }).click();
  await expect(photo(second, 1)).toBeVisible();
  await expect(line(second)).toHaveValue("水管滴水，地上湿了一片");
  await first.getByRole("button", { name: "在这里继续写" }).click();
  await expect(photo(first, 1)).toBeVisible();

  // A photo from the home page of the other tab is added to what is written here, not the other way round.
  await line(first).fill("水管滴水，地上湿了一片，有人滑倒");
  await second.goto("/");
  await second.getByLabel("拍照报告问题").setInputFiles(people.photo("litter-small.jpg"));
  await expect(line(second)).toHaveValue("水管滴水，地上湿了一片，有人滑倒");
  for (const number of [1, 2]) await expect(photo(second, number)).toBeVisible();
  await expect(elsewhere(first)).toBeVisible();
  await people.send(second);
  await expect(rung(second, "照片 2 / 2 已核对")).toBeVisible();

  // What was sent there is not begun again here.
  await first.getByRole("button", { name: "在这里继续写" }).click();
  await expect(line(first)).toHaveValue("");
  await expect(first.getByRole("radio", { name: "漏水" })).not.toBeChecked();
  expect(await people.reports(desk, "jinzhou")).toEqual(["水管滴水，地上湿了一片，有人滑倒"]);
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

/** The pushes of a page from now on. */
function pushes(page: Page): string[] {
  const urls: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/api/push")) urls.push(request.url());
  });
  return urls;
}

test("what a colleague left on the phone goes out under the colleague's name, unseen by the next", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [phone, desks] = [await device(PHONE), await device(TABLET)];
  const [page, desk] = [phone.page, desks.page];
  await people.signIn(desk, people.DESK);
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await phone.goOffline();
  await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "王姐说漏水" });
  await people.send(page);
  await page.goto("/me");
  await page.getByRole("button", { name: "退出登录" }).click();
  const leaving = page.getByRole("dialog", { name: "退出登录" });
  await expect(leaving).toContainText("还有 1 条没送出");
  await picture(page, "leaving-with-one-unsent");
  await leaving.getByRole("button", { name: "退出登录" }).click();
  await expect(page.getByLabel("手机号或工号")).toBeVisible();

  // The colleague signs in; only what is sent for the other one is held back, to see what is said meanwhile.
  await phone.goOnline();
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route("**/api/push", async (route) => {
    await held;
    await route.continue();
  });
  await people.fillSignIn(page, people.CLEANER);
  // On the home page, not where the one before was.
  await expect(page.getByRole("heading", { level: 1, name: "金洲花园" })).toBeVisible();
  await page.getByRole("link", { name: "我", exact: true }).click();
  await expect(page.getByRole("heading", { level: 2, name: people.CLEANER.name })).toBeVisible();
  const left = page.getByText("这部手机里还有同事的 1 条没送出，有网就代为送出");
  await expect(left).toBeVisible();
  await picture(page, "one-of-a-colleague-is-being-sent");
  await page.goto("/unsent");
  await expect(left).toBeVisible();
  await expect(page.getByText("王姐说漏水")).toBeHidden();
  await expect(page.getByText("都送到了")).toBeVisible();
  await picture(page, "and-nothing-of-it-is-shown");
  letGo();
  await expect(left).toBeHidden();

  const open = await people.openCard(desk, /漏水/);
  await expect(rung(open, "照片 1 / 1 已核对")).toBeVisible();
  await expect(open.getByText(people.GUARD.name).first()).toBeVisible();
  await expect(open.getByText(people.CLEANER.name)).toBeHidden();
  expect(await people.reports(desk, "jinzhou")).toEqual(["王姐说漏水"]);
  await picture(desk, "under-the-name-of-its-author");
  // Nor has anything of it come to whoever carried it.
  expect(await people.everything(page, "jinzhou")).not.toContain("王姐说漏水");
  await page.goto("/cases");
  await expect(page.getByRole("link", { name: /漏水/ })).toBeHidden();

  // What was asked for last is answered when whoever asked has signed out: that is no news to whoever comes next.
  const signedOut = new Promise<void>((resolve) => (letGo = resolve));
  await page.route("**/api/pull*", async (route) => {
    await signedOut;
    await route.continue();
  });
  const asked = page.waitForRequest("**/api/pull*");
  await page.goto("/me");
  await asked;
  await page.getByRole("button", { name: "退出登录" }).click();
  await page.getByRole("dialog", { name: "退出登录" }).getByRole("button", { name: "退出登录" }).click();
  await expect(page.getByLabel("手机号或工号")).toBeVisible();
  const refused = page.waitForResponse((answer) => answer.url().includes("/api/pull") && answer.status() === 401);
  letGo();
  await refused;
  await page.unroute("**/api/pull*");
  // Nothing on the page says when the app has read the answer; by then it has.
  await page.waitForTimeout(1_000);
  await expect(page.getByText(/登录已过期/)).toHaveCount(0);

  // Its author finds it sent.
  await people.fillSignIn(page, people.GUARD);
  await expect(page.getByText(people.GUARD.name)).toBeVisible();
  await page.getByRole("link", { name: /漏水/ }).click();
  await expect(rung(page, "照片 1 / 1 已核对")).toBeVisible();
  await page.goto("/unsent");
  await expect(page.getByText("都送到了")).toBeVisible();
  await picture(page, "the-author-finds-it-sent");
  expect(await people.reports(desk, "jinzhou")).toEqual(["王姐说漏水"]);
  expect([...phone.errors, ...desks.errors]).toEqual([]);
});

test("a remark is written in the tab that was opened last, and closes in the other", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const phone = await device(PHONE);
  const first = phone.page;
  await people.signIn(first, people.GUARD);
  await people.write(first, { category: "漏水", place: ["5大堂", /^大堂/], text: "水管滴水" });
  await people.send(first);
  const form = (page: Page) => page.getByRole("dialog", { name: "补充补拍" });
  const line = (page: Page) => form(page).getByLabel("要补充的话");
  await people.begin(first, "补充补拍");
  await line(first).fill("有人滑倒了");
  await form(first).getByLabel("拍照").setInputFiles(people.photo("litter-small.jpg"));
  await expect(form(first).getByRole("button", { name: "去掉照片 1" })).toBeVisible();

  // A page that was killed behind the camera opens on the same words.
  await first.reload();
  await expect(line(first)).toHaveValue("有人滑倒了");

  // The other tab opens on what was begun here, and here it closes.
  const second = await phone.context.newPage();
  await second.goto(first.url());
  await expect(line(second)).toHaveValue("有人滑倒了");
  await expect(form(second).getByRole("button", { name: "去掉照片 1" })).toBeVisible();
  await expect(form(first)).toBeHidden();
  await picture(second, "gone-on-with-in-another-tab");

  // Back here it is as it was left there.
  await line(second).fill("有人滑倒了，已扶起");
  await people.begin(first, "补充补拍");
  await expect(line(first)).toHaveValue("有人滑倒了，已扶起");
  await expect(form(second)).toBeHidden();
  await form(first).getByRole("button", { name: "补充", exact: true }).click();
  await expect(form(first)).toBeHidden();
  await expect(first.getByText("有人滑倒了，已扶起").first()).toBeVisible();
  // What was said is not begun again: nothing opens by itself.
  await second.reload();
  await expect(second.getByText("有人滑倒了，已扶起").first()).toBeVisible();
  await people.begin(second, "补充补拍");
  await expect(line(second)).toHaveValue("");
  await expect(form(second).getByRole("button", { name: "去掉照片 1" })).toHaveCount(0);
  expect(phone.errors).toEqual([]);
});
