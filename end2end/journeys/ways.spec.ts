/** Ways through the app: short ones, back to where one came from, read aloud on the way, and never led away from something. */
import type { Page } from "@playwright/test";
import { PHONE } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as people from "../people.ts";

const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { level: 1, name });

test("a report with a photo takes four taps", { tag: "@phone" }, async ({ device }) => {
  const { page, errors } = await device(PHONE);
  await people.signIn(page, people.CLEANER);
  expect(await people.tapToAReport(page)).toBe(4);
  expect(errors).toEqual([]);
});

test("going back leads to where one came from, as it was left", { tag: "@phone" }, async ({ device, picture }) => {
  const phone = await device(PHONE);
  const { page } = phone;
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await phone.goOffline();
  for (const [category, text] of [["漏水", "水管滴水"], ["垃圾污渍", "地面有水"]] as const) {
    await page.goto("/");
    await people.write(page, { category, place: ["5大堂", /^大堂/], text });
    await people.send(page);
  }

  await page.goto("/");
  await page.getByRole("link", { name: "我的事" }).click();
  await page.getByRole("radio", { name: "全部" }).check();
  await page.getByRole("searchbox").fill("滴水");
  await expect(page.getByRole("link", { name: /漏水/ })).toBeVisible();
  await expect(page.getByRole("link", { name: /垃圾污渍/ })).toBeHidden();
  await page.getByRole("link", { name: /漏水/ }).click();
  await expect(heading(page, /漏水/)).toBeVisible();
  await page.getByRole("button", { name: "返回" }).click();
  await expect(heading(page, "我的事")).toBeVisible();
  await expect(page.getByRole("searchbox")).toHaveValue("滴水");
  await expect(page.getByRole("radio", { name: "全部" })).toBeChecked();
  await expect(page.getByRole("link", { name: /漏水/ })).toBeVisible();
  await expect(page.getByRole("link", { name: /垃圾污渍/ })).toBeHidden();
  await picture(page, "back-at-what-was-found");
  // What was typed is kept when the app is loaded anew, too, and is no step of its own on the way back.
  await page.reload();
  await expect(page.getByRole("searchbox")).toHaveValue("滴水");
  await page.goBack();
  await expect(heading(page, "金洲花园")).toBeVisible();

  // A long page is as far down as it was, and the next one begins at its top.
  const top = () => page.locator("main").evaluate((main) => main.scrollTop);
  await page.getByRole("link", { name: /^我 \d/ }).click();
  await page.getByRole("button", { name: "退出登录" }).scrollIntoViewIfNeeded();
  const left = await top();
  expect(left).toBeGreaterThan(200);
  await page.evaluate(() => document.querySelector<HTMLElement>('main a[href="/unsent"]')?.click());
  await expect(heading(page, "没送出的")).toBeVisible();
  expect(await top()).toBe(0);
  await page.getByRole("button", { name: "返回" }).click();
  await expect(heading(page, "我")).toBeVisible();
  // To the pixel: a screen scrolls by parts of one, too.
  await expect.poll(async () => Math.abs((await top()) - left)).toBeLessThan(1.5);
  await picture(page, "as-far-down-as-before");

  // Opened by itself, a case leads to the list, and from there nothing leads back to it.
  await page.goto("/cases");
  const id = await page.getByRole("link", { name: /漏水/ }).getAttribute("href");
  await page.goto(id ?? "");
  await page.getByRole("button", { name: "返回" }).click();
  await expect(page).toHaveURL(`${phone.url}/cases`);
  expect(phone.errors).toEqual([]);
});

test("the browser's way back closes what lies over a page, and then leaves the page", { tag: "@phone" }, async ({ device }) => {
  const phone = await device(PHONE);
  const { page } = phone;
  await people.signIn(page, people.GUARD);
  const before = await page.evaluate(() => history.length);
  await people.write(page, { text: "滴水" });
  const places = page.getByRole("dialog", { name: "在哪里" });
  for (let times = 0; times < 2; times += 1) {
    await page.getByRole("button", { name: "选地点" }).click();
    await expect(places).toBeVisible();
    await page.evaluate(() => history.back());
    await expect(places).toBeHidden();
    await expect(page).toHaveURL(`${phone.url}/report`);
    await expect(page.getByLabel("补充一句")).toHaveValue("滴水");
  }
  // Closed by its own button, it leaves nothing behind.
  await page.getByRole("button", { name: "选地点" }).click();
  await places.getByRole("button", { name: "关闭" }).click();
  await expect(places).toBeHidden();
  expect(await page.evaluate(() => history.length)).toBe(before + 1);
  await page.goBack();
  await expect(heading(page, "金洲花园")).toBeVisible();
  expect(phone.errors).toEqual([]);
});

test("a page that was come to is read out and named in the title", { tag: "@phone" }, async ({ device }) => {
  const phone = await device(PHONE);
  const { page } = phone;
  await people.signIn(page, people.GUARD);
  await expect(page).toHaveTitle("金洲花园 · 首问 Firsthand");
  await page.reload();
  await expect(heading(page, "金洲花园")).toBeVisible();
  // What the app opens with is read from its top.
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("BODY");
  await page.getByRole("link", { name: "我的事" }).click();
  await expect(heading(page, "我的事")).toBeFocused();
  await expect(page).toHaveTitle("我的事 · 首问 Firsthand");
  await page.goBack();
  await expect(heading(page, "金洲花园")).toBeFocused();
  // Who has begun to write is not taken away from it.
  await page.getByRole("link", { name: "不拍照" }).click();
  await page.getByLabel("补充一句").fill("滴水");
  await page.waitForTimeout(400);
  await expect(page.getByLabel("补充一句")).toBeFocused();
  expect(phone.errors).toEqual([]);
});

test("a link that was cut says so, and leads to the list", { tag: "@phone" }, async ({ device, picture }) => {
  const phone = await device(PHONE);
  const { page } = phone;
  await people.signIn(page, people.GUARD);
  await page.goto("/cases/0190-cut");
  await expect(page.getByRole("heading", { name: "找不到这件事" })).toBeVisible();
  await picture(page, "cut");
  await page.getByRole("button", { name: "看我的列表" }).click();
  await expect(heading(page, "我的事")).toBeVisible();
  await page.goto("/cases/");
  await expect(heading(page, "我的事")).toBeVisible();
  expect(phone.errors).toEqual([]);
});

test("whoever signs in next on a phone begins with a page of their own", { tag: "@phone" }, async ({ device }) => {
  const phone = await device(PHONE);
  const { page } = phone;
  await people.signIn(page, people.DESK);
  await expect(page).toHaveURL(/\/desk$/);
  await page.getByRole("link", { name: "我", exact: true }).click();
  for (const [next, path] of [[people.GUARD, /\/$/], [people.SUPERVISOR, /\/desk$/]] as const) {
    await page.getByRole("button", { name: "退出登录" }).click();
    await page.getByRole("dialog", { name: "退出登录" }).getByRole("button", { name: "退出登录" }).click();
    await people.fillSignIn(page, next);
    await expect(heading(page, /金洲花园/)).toBeVisible();
    await expect(page).toHaveURL(path);
    await page.getByRole("link", { name: "我", exact: true }).click();
    await expect(page.getByRole("heading", { level: 2, name: next.name })).toBeVisible();
  }
  expect(phone.errors).toEqual([]);
});

test("a photo that is ready later leads nobody away from where they have gone", { tag: "@phone" }, async ({ device, picture }) => {
  const phone = await device(PHONE);
  const { page } = phone;
  // A phone that takes long to make a photo small.
  await page.addInitScript(() => {
    const decode = window.createImageBitmap.bind(window);
    const slow = window as unknown as { ready: () => void };
    const ready = new Promise<void>((resolve) => (slow.ready = resolve));
    window.createImageBitmap = async (...asked: unknown[]) => {
      await ready;
      return (decode as (...asked: unknown[]) => Promise<ImageBitmap>)(...asked);
    };
  });
  await people.signIn(page, people.GUARD);
  await page.getByLabel("拍照报告问题").setInputFiles(people.photo("litter-small.jpg"));
  await expect(page.getByLabel("正在存照片…")).toBeAttached();
  await page.getByRole("link", { name: "我的事" }).click();
  await expect(heading(page, "我的事")).toBeVisible();
  await page.evaluate(() => (window as unknown as { ready: () => void }).ready());
  await expect(page.getByText("照片存好了，在没写完的报告里。")).toBeVisible();
  await expect(heading(page, "我的事")).toBeVisible();
  await picture(page, "kept-and-said");
  await page.getByRole("link", { name: "首页" }).click();
  await page.getByRole("link", { name: "继续写" }).click();
  await expect(page.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
  expect(phone.errors).toEqual([]);
});
