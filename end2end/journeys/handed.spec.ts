/** What goes by other people's hands: a file that a colleague sends, and what somebody who has left had made. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as people from "../people.ts";
import { rung } from "../people.ts";
import { ROOT } from "../server.ts";

/** Makes a file of what is unsent on a phone; answers with where it lies. */
async function handOver(page: Page): Promise<string> {
  await page.goto("/unsent");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "做成文件" }).click();
  const file = await download;
  await expect(page.getByText(/^已做成 firsthand-P024-\d+\.relay（1 条，照片 1 张/)).toBeVisible();
  return file.path();
}

/** Chooses such a file on another device. */
async function takeOver(page: Page, path: string): Promise<void> {
  await page.goto("/me");
  await page.getByLabel("选文件代送").setInputFiles(path);
}

test("a colleague sends what one phone cannot, and it counts once", { tag: "@phone" }, async ({ device, picture }) => {
  const [guard, colleague] = [await device(PHONE), await device(PHONE)];
  await people.signIn(guard.page, people.GUARD);
  await people.shellIsKept(guard.page);
  await people.signIn(colleague.page, people.OTHER_GUARD);
  await guard.goOffline();
  await people.write(guard.page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "滴水" });
  await people.send(guard.page);
  const file = await handOver(guard.page);
  await picture(guard.page, "handed-over");

  await takeOver(colleague.page, file);
  const receipt = colleague.page.getByText("已代 赵艳 送到：1 条，照片 1 张。");
  await expect(receipt).toBeVisible();
  await picture(colleague.page, "taken-over");
  // Given twice, it is there once; nothing of it is the colleague's.
  await takeOver(colleague.page, file);
  await expect(receipt).toBeVisible();
  await colleague.page.goto("/");
  await expect(colleague.page.getByRole("link", { name: /漏水/ })).toBeHidden();

  await guard.goOnline();
  await guard.page.goto("/");
  await guard.page.getByRole("link", { name: /漏水/ }).click();
  await expect(rung(guard.page, "照片 1 / 1 已核对")).toBeVisible();
  await expect(guard.page.getByText(/#\d{4}-001/).first()).toBeVisible();
  await picture(guard.page, "online-again");
  // What is no such file is said to be none.
  await takeOver(colleague.page, people.photo("litter-small.jpg"));
  await expect(colleague.page.getByText(/^这个文件读不出来/)).toBeVisible();
  await picture(colleague.page, "another-file");
  expect(guard.errors).toEqual([]);
});

test("the desk looks at what somebody who has left had made, and takes it", { tag: "@phone" }, async ({
  device,
  server,
  picture,
}) => {
  const [guard, desk] = [await device(PHONE), await device(TABLET)];
  await people.signIn(guard.page, people.GUARD);
  await people.shellIsKept(guard.page);
  await guard.goOffline();
  await people.write(guard.page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "滴水" });
  await people.send(guard.page);
  const file = await handOver(guard.page);

  const site = JSON.parse(await readFile(join(ROOT, "demo/site-jinzhou.json"), "utf8"));
  site.people = site.people.filter((person: { code: string }) => person.code !== people.GUARD.code);
  site.routes = [];
  await server.import(site);

  await people.signIn(desk.page, people.DESK);
  await takeOver(desk.page, file);
  await expect(desk.page.getByText(/已代 赵艳 送到：1 条.*其中 1 条要等别的先到/)).toBeVisible();
  await desk.page.goto("/desk");
  const row = desk.page.getByRole("listitem").filter({ hasText: "赵艳 · 报告" });
  await expect(row).toContainText("滴水");
  await row.getByRole("button", { name: "照片 1" }).click();
  await expect(desk.page.getByRole("dialog", { name: "照片" }).getByRole("img")).toBeVisible();
  await desk.page.keyboard.press("Escape");
  await picture(desk.page, "in-quarantine");
  await row.getByRole("button", { name: "采用", exact: true }).click();
  const sheet = desk.page.getByRole("dialog", { name: "采用这条记录" });
  await sheet.getByRole("button", { name: "采用", exact: true }).click();
  await expect(sheet.getByText("还缺“原因”。请补上再送。")).toBeVisible();
  await sheet.getByLabel("原因").fill("去现场看过，确实在滴水");
  await picture(desk.page, "taking");
  await sheet.getByRole("button", { name: "采用", exact: true }).click();
  await expect(row).toBeHidden();
  await expect(desk.page.getByRole("region", { name: "待受理" }).getByText("5 号楼大堂漏水")).toBeVisible();
  await picture(desk.page, "taken");
  expect(desk.errors).toEqual([]);
});
