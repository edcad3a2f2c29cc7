/** Two devices act on one case, one of them without a network; what cannot hold is said, and mended or withdrawn. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as people from "../people.ts";
import { column, pane, rung, story } from "../people.ts";
import { ROOT } from "../server.ts";

test("done offline by one technician while the desk gives it to another: both stories are kept", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [first, second, desks] = [await device(PHONE), await device(PHONE), await device(TABLET)];
  const desk = desks.page;
  await people.signIn(first.page, people.TECHNICIAN);
  await people.signIn(second.page, people.OTHER_TECHNICIAN);
  await people.signIn(desk, people.DESK);

  // The desk takes a call, and reports what it was told.
  await desk.getByRole("link", { name: "首页" }).click();
  await people.write(desk, { category: "漏水", place: ["5大堂", /^大堂/], text: "大堂滴水" });
  await people.send(desk);
  await desk.getByRole("button", { name: "返回" }).click();
  await desk.getByRole("link", { name: "受理台" }).click();
  const open = await people.openCard(desk, /漏水/);
  await people.dispatch(open, people.TECHNICIAN);
  await first.page.getByRole("link", { name: "派单" }).click();
  await first.page.getByRole("button", { name: /^接单: / }).click();
  await expect(first.page.getByRole("button", { name: /^到场: / })).toBeVisible();
  await expect(column(desk, "处理中").getByRole("button", { name: /漏水/ })).toContainText("到现场");

  await first.goOffline();
  await first.page.getByRole("button", { name: /^到场: / }).click();
  await first.page.getByRole("button", { name: /^完成: / }).click();
  const form = first.page.getByRole("dialog", { name: "完成" });
  await form.getByLabel("做了什么").fill("关了总阀，换了软管");
  await form.getByRole("button", { name: "处理完成" }).click();
  await expect(first.page.getByText("今天完成")).toBeVisible();
  await picture(first.page, "done-offline");

  // Nobody at the desk can know, and somebody else is sent.
  const redispatch = await people.begin(open, "改派");
  await redispatch.getByRole("radio", { name: people.OTHER_TECHNICIAN.name }).check();
  await redispatch.getByRole("button", { name: "改派" }).click();
  await second.page.getByRole("link", { name: "派单" }).click();
  await expect(second.page.getByRole("button", { name: /^接单: / })).toBeVisible();
  await picture(desk, "given-to-another");

  await first.goOnline();
  for (const said of ["到过场（后来才送到，状态不变）", "已处理过（后来才送到，状态不变）"]) {
    await expect(story(open).filter({ hasText: said })).toHaveCount(1);
  }
  await expect(story(open).filter({ hasText: "关了总阀，换了软管" })).toHaveCount(1);
  await expect(column(desk, "处理中").getByRole("button", { name: /漏水/ })).toContainText(people.OTHER_TECHNICIAN.name);
  await picture(desk, "both-stories");
  // The phone that was away shows what holds, and keeps nothing to send.
  await expect(first.page.getByText("现在没有派单")).toBeVisible();
  await first.page.goto("/cases");
  await first.page.getByRole("radio", { name: "我经手的" }).check();
  await first.page.getByRole("link", { name: /漏水/ }).click();
  await expect(story(first.page).filter({ hasText: "已处理过（后来才送到，状态不变）" })).toHaveCount(1);
  await expect(rung(first.page, "处理完成")).toContainText(`${people.OTHER_TECHNICIAN.name} 待接单`);
  await expect(rung(pane(desk), "处理完成")).toContainText(`${people.OTHER_TECHNICIAN.name} 待接单`);
  await picture(first.page, "the-same-on-the-phone");
  expect([...first.errors, ...second.errors, ...desks.errors]).toEqual([]);
});

test("c6 of two postponements made at the same time the second is refused, said, and withdrawn", { tag: "@tablet" }, async ({
  device,
  picture,
}) => {
  const [one, two] = [await device(), await device()];
  await people.signIn(one.page, people.SUPERVISOR);
  await people.signIn(two.page, people.DESK);
  await one.page.getByRole("link", { name: "首页" }).click();
  await people.write(one.page, { category: "墙面地面损坏", place: ["5大堂", /^大堂/], text: "瓷砖松动" });
  await people.send(one.page);
  await one.page.getByRole("button", { name: "返回" }).click();
  await one.page.getByRole("link", { name: "受理台" }).click();
  const here = await people.openCard(one.page, /墙面地面损坏/);
  await people.dispatch(here, people.TECHNICIAN);
  const promise = await people.begin(here, "承诺时间");
  await promise.getByRole("radio", { name: "其他时间" }).check();
  await promise.getByLabel("日期和时间").fill(people.inHours(30));
  await promise.getByRole("button", { name: "承诺", exact: true }).click();
  const there = await people.openCard(two.page, /墙面地面损坏/);
  await expect(story(there).filter({ hasText: /承诺 .* 前/ })).toHaveCount(1);

  const postpone = async (open: typeof here, hours: number, reason: string) => {
    const form = await people.begin(open, "延期");
    await form.getByRole("radio", { name: "其他时间" }).check();
    await form.getByLabel("日期和时间").fill(people.inHours(hours));
    await form.getByLabel("为什么延期").fill(reason);
    await form.getByRole("button", { name: "延期（只有一次）" }).click();
    await expect(form).toBeHidden();
  };
  await two.goOffline();
  await postpone(there, 80, "等配件");
  await picture(two.page, "postponed-offline");
  await postpone(here, 54, "客户要求周末前");
  await expect.poll(() => people.everything(one.page, "jinzhou")).toContain("客户要求周末前");

  await two.goOnline();
  const refused = there.getByRole("list", { name: "被退回的记录" });
  await expect(refused).toContainText("“延期”被退回");
  await expect(refused).toContainText("这件事已经延期过一次，不能再延。请按时办完；办不完，请马上告诉主管。");
  await expect(story(there).filter({ hasText: "客户要求周末前" })).toHaveCount(1);
  await expect(story(there).filter({ hasText: "等配件" })).toHaveCount(0);
  await refused.scrollIntoViewIfNeeded();
  await picture(two.page, "refused-with-its-reason");
  // It cannot be mended: a second postponement is not offered.
  await expect(refused.getByRole("button", { name: "修改" })).toBeHidden();
  await refused.getByRole("button", { name: "撤回" }).click();
  await two.page.getByRole("dialog", { name: "撤回这一条？" }).getByRole("button", { name: "撤回", exact: true }).click();
  await expect(refused).toBeHidden();
  await picture(two.page, "withdrawn");
  await two.restart();
  await people.openCard(two.page, /墙面地面损坏/);
  await expect(there.getByText("延期 1/1，不能再延")).toBeVisible();
  await expect(refused).toBeHidden();
  await expect(here.getByText("延期 1/1，不能再延")).toBeVisible();
  expect([...one.errors, ...two.errors]).toEqual([]);
});

test("a refused report is shown with its reason, mended and sent again", { tag: "@phone" }, async ({
  device,
  server,
  picture,
}) => {
  const phone = await device();
  const page = phone.page;
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await phone.goOffline();
  await people.write(page, { photo: "tile-exif8.jpg", category: "绿化", place: ["5大堂", /^大堂/], text: "花盆倒了" });
  await people.send(page);

  // Meanwhile the office has dropped the category.
  const site = JSON.parse(await readFile(join(ROOT, "demo/site-jinzhou.json"), "utf8"));
  site.categories = site.categories.filter((category: { code: string }) => category.code !== "green");
  await server.import({ ...site, routes: [] });

  await phone.goOnline();
  const sentence = "这里已经没有这一类事了。请另选一类。";
  await expect(page.getByRole("list", { name: "被退回的记录" })).toContainText(sentence);
  await picture(page, "refused-on-the-case");
  await page.goto("/");
  await page.getByRole("link", { name: "1 条被退回，要您处理" }).click();
  await expect(page.getByText(sentence)).toBeVisible();
  await picture(page, "refused-in-the-list");
  await page.getByRole("link", { name: "修改重发" }).click();
  await expect(page.getByLabel("补充一句")).toHaveValue("花盆倒了");
  await expect(page.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
  await people.pickCategory(page, "其他");
  await picture(page, "mending");
  await people.send(page);
  await expect(rung(page, "服务台收到文字")).toBeVisible();
  await expect(rung(page, "照片 1 / 1 已核对")).toBeVisible();
  await picture(page, "mended");
  await page.goto("/");
  await expect(page.getByRole("link", { name: /条被退回/ })).toBeHidden();
  await expect(page.getByRole("link", { name: /大堂/ })).toHaveCount(1);
  expect(phone.errors).toEqual([]);
});
