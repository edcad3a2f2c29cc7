/**
 * Every page of the app with something on it, and the sheets that open over them: what holds for all of them (axe,
 * room for a thumb, both languages and themes) is looked at by walking along them.
 */
import { expect, type Page } from "@playwright/test";
import { PHONE, TABLET } from "./devices.ts";
import type { Device } from "./journey.ts";
import * as people from "./people.ts";

/** Called on each page once it shows what it is to show. */
export type Look = (page: Page, name: string) => Promise<void>;

/** What the walk takes: a device in the language and theme that it already has. */
export type MakeDevice = (shape?: Partial<typeof PHONE>) => Promise<Device>;

/** Walks along the pages of a guard's phone, from signing in on. */
export async function alongAGuardsPages(phone: Device, look: Look): Promise<void> {
  const { page } = phone;
  await page.goto("/");
  await expect(page.getByLabel("手机号或工号")).toBeVisible();
  await look(page, "sign-in");
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await look(page, "home-empty");

  await people.write(page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/], text: "天花板滴水" });
  await page.getByRole("radio", { name: "客户告诉我的" }).check();
  await page.getByLabel("房号").fill("5-1203");
  await look(page, "report");
  await page.getByRole("button", { name: "我已处理好" }).click();
  await look(page, "report-fixed-sheet");
  await page.getByRole("dialog").getByRole("button", { name: "关闭" }).click();
  await page.getByRole("button", { name: /改$/ }).click();
  await page.getByRole("button", { name: "展开 南区" }).click();
  await look(page, "report-places-sheet");
  await page.getByRole("dialog").getByRole("button", { name: "关闭" }).click();
  await page.getByRole("button", { name: "照片 1", exact: true }).click();
  await look(page, "report-photo-in-full");
  await page.getByRole("dialog").getByRole("button", { name: "关闭" }).click();
  await people.send(page);
  await expect(people.rung(page, "照片 1 / 1 已核对")).toBeVisible();
  await look(page, "case");
  await page.getByRole("button", { name: "更多" }).click();
  await look(page, "case-more-sheet");
  await page.getByRole("dialog").getByRole("button", { name: "关闭" }).click();

  await page.goto("/");
  await expect(page.getByRole("link", { name: /漏水/ })).toBeVisible();
  await look(page, "home");
  await page.goto("/cases");
  await expect(page.getByRole("link", { name: /漏水/ })).toBeVisible();
  await look(page, "cases");
  await page.goto("/me");
  await page.getByRole("button", { name: "看看在哪里登录过" }).click();
  await expect(page.getByText("本机")).toBeVisible();
  await look(page, "me");

  await phone.goOffline();
  await page.goto("/");
  await people.write(page, { photo: "litter-small.jpg", category: "垃圾污渍", place: ["5大堂", /^大堂/] });
  await people.send(page);
  await look(page, "case-offline");
  await page.goto("/unsent");
  await expect(page.getByRole("heading", { name: "报告问题" })).toBeVisible();
  await look(page, "unsent");
  await phone.goOnline();
}

/** Walks along the pages of the desk and of a technician; a case of the guard's waits there. */
export async function alongTheOfficesPages(make: MakeDevice, look: Look): Promise<void> {
  const desk = (await make(TABLET)).page;
  await people.signIn(desk, people.DESK);
  await expect(desk.getByRole("button", { name: /漏水/ })).toBeVisible();
  await look(desk, "desk");
  const open = await people.openCard(desk, /漏水/);
  await look(desk, "desk-pane");
  await people.dispatch(open, people.TECHNICIAN);
  await expect(open.getByRole("button", { name: "改派" })).toBeVisible();
  await people.begin(open, "承诺时间");
  await desk.getByRole("radio", { name: "其他时间" }).check();
  await look(desk, "desk-promise-sheet");
  await desk.getByRole("dialog").getByRole("button", { name: "关闭" }).click();

  const technician = (await make(PHONE)).page;
  await people.signIn(technician, people.TECHNICIAN);
  await technician.goto("/jobs");
  await expect(technician.getByRole("button", { name: /^接单: / })).toBeVisible();
  await look(technician, "jobs");
  await technician.getByRole("button", { name: /^接不了: / }).click();
  await look(technician, "jobs-decline-sheet");
  await technician.getByRole("dialog").getByRole("button", { name: "关闭" }).click();
  await technician.getByRole("button", { name: /^接单: / }).click();
  await technician.getByRole("button", { name: /^到场: / }).click();
  await technician.getByRole("button", { name: /^完成: / }).click();
  await look(technician, "jobs-complete-sheet");
}
