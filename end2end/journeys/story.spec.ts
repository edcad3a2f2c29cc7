/** The whole story: a leak photographed without a network reaches its end, and everybody reads the same of it. */
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as people from "../people.ts";
import { column, pane, rung } from "../people.ts";

test("a leak reported offline reaches the desk, a technician and its end", { tag: "@phone" }, async ({ device, picture }) => {
  test.setTimeout(150_000);
  const [guards, technicians, desks] = [await device(PHONE), await device(PHONE), await device(TABLET)];
  const [guard, technician, desk] = [guards.page, technicians.page, desks.page];

  await test.step("everybody signs in while there is a network", async () => {
    await people.signIn(guard, people.GUARD);
    await people.shellIsKept(guard);
    await picture(guard, "guard-home");
    await people.signIn(technician, people.TECHNICIAN);
    await people.shellIsKept(technician);
    await technician.getByRole("link", { name: "派单" }).click();
    await picture(technician, "technician-no-jobs");
    await people.signIn(desk, people.DESK);
    await expect(column(desk, "待受理").getByText("没有待受理的事")).toBeVisible();
    await picture(desk, "desk-empty");
  });

  await test.step("without a network the guard photographs the leak and sends it", async () => {
    await guards.goOffline();
    await people.write(guard, {
      photo: "leak-12mp.jpg",
      category: "漏水",
      place: ["5大堂", /^大堂/],
      text: "天花板滴水，地面已湿",
    });
    await picture(guard, "report-filled-in");
    await people.send(guard);
    await expect(rung(guard, "等服务台收到文字")).toBeVisible();
    await picture(guard, "receipt-offline");
  });

  const id = await people.caseOf(guard);

  await test.step("the phone starts again without a network, and the report is still there", async () => {
    await guards.restart();
    await expect(guard.getByRole("link", { name: /1 条还没送出/ })).toBeVisible();
    await expect(guard.getByRole("heading", { name: /大堂.*漏水/ })).toBeVisible();
    await picture(guard, "home-after-cold-start");
    await guard.getByRole("link", { name: /1 条还没送出/ }).click();
    await expect(guard.getByText("天花板滴水，地面已湿")).toBeVisible();
    await picture(guard, "unsent");
    await guard.goto(`/cases/${id}`);
    await expect(rung(guard, "存在手机")).toBeVisible();
  });

  await test.step("back in reach, it goes by itself", async () => {
    await guards.goOnline();
    await expect(rung(guard, "服务台收到文字")).toBeVisible();
    await expect(rung(guard, "照片 1 / 1 已核对")).toBeVisible();
    await picture(guard, "receipt-at-the-server");
  });
  const number = await people.numberOf(guard);

  await test.step("the desk sees it come, once, with its photo", async () => {
    const cards = column(desk, "待受理").getByRole("button", { name: /漏水/ });
    await expect(cards).toHaveCount(1);
    await expect(cards).toContainText("急修");
    await expect(cards).toContainText(people.GUARD.name);
    await picture(desk, "desk-new-card");
    await cards.click();
    const open = pane(desk);
    await expect(open.getByText(number).first()).toBeVisible();
    await expect(open.getByText("天花板滴水，地面已湿")).toBeVisible();
    await expect(rung(open, "照片 1 / 1 已核对")).toBeVisible();
    await open.getByRole("group", { name: "照片" }).getByRole("button").first().click();
    const light = desk.getByRole("dialog", { name: "照片" });
    await expect
      .poll(() => light.getByRole("img").evaluate((img) => (img as HTMLImageElement).naturalWidth))
      .toBeGreaterThan(1000);
    await picture(desk, "photo-in-full");
    await light.getByRole("button", { name: "关闭" }).click();
  });

  await test.step("the desk dispatches it with a promise", async () => {
    const open = pane(desk);
    await open.getByRole("group", { name: "派给" }).getByRole("radio", { name: people.TECHNICIAN.name }).check();
    await picture(desk, "dispatching");
    await open.getByRole("button", { name: "受理并派单" }).click();
    await expect(column(desk, "处理中").getByRole("button", { name: /漏水/ })).toBeVisible();
    await picture(desk, "dispatched");
  });

  await test.step("the technician's phone shows it without being asked, and he accepts", async () => {
    await expect(technician.getByRole("button", { name: /^接单: / })).toBeVisible();
    await picture(technician, "dispatch");
    await technician.getByRole("button", { name: /^接单: / }).click();
    await expect(technician.getByRole("button", { name: /^到场: / })).toBeVisible();
    await expect(column(desk, "处理中").getByRole("button", { name: /漏水/ })).toContainText("到现场");
    await picture(technician, "accepted");
  });

  await test.step("in the basement he arrives and completes without a network", async () => {
    await technicians.goOffline();
    await technician.getByRole("button", { name: /^到场: / }).click();
    await expect(technician.getByRole("button", { name: /^完成: / })).toBeVisible();
    await picture(technician, "arrived-offline");
    // The photos of his dispatches are on his phone.
    await technician.getByRole("group", { name: "照片" }).getByRole("button").first().click();
    const light = technician.getByRole("dialog", { name: "照片" });
    await expect
      .poll(() => light.getByRole("img").evaluate((img) => (img as HTMLImageElement).naturalWidth))
      .toBeGreaterThan(1000);
    await light.getByRole("button", { name: "关闭" }).click();
    await technician.getByRole("button", { name: /^完成: / }).click();
    const form = technician.getByRole("dialog", { name: "完成" });
    await form.getByLabel("拍照").setInputFiles(people.photo("tile-exif8.jpg"));
    await expect(form.getByRole("button", { name: "去掉照片 1" })).toBeVisible();
    await form.getByLabel("做了什么").fill("接头拧紧，换了密封圈");
    await picture(technician, "completing-offline");
    await form.getByRole("button", { name: "处理完成" }).click();
    await expect(technician.getByText("今天完成")).toBeVisible();
    await picture(technician, "completed-offline");
    await expect(column(desk, "处理中").getByRole("button", { name: /漏水/ })).toBeVisible();
  });

  await test.step("out of the basement it reaches the desk", async () => {
    await technicians.goOnline();
    await expect(column(desk, "待确认 / 回访").getByRole("button", { name: /漏水/ })).toBeVisible();
    await expect(rung(pane(desk), "照片 2 / 2 已核对")).toBeVisible();
    await picture(desk, "to-confirm");
  });

  await test.step("the guard who reported it confirms that it is solved", async () => {
    await expect(rung(guard, "处理完成")).toContainText("接头拧紧，换了密封圈");
    await picture(guard, "guard-to-confirm");
    await guard.getByRole("button", { name: "确认解决" }).click();
    await picture(guard, "guard-confirming");
    await guard.getByRole("dialog").getByRole("button", { name: "确认解决，办结" }).click();
    await expect(rung(guard, "确认解决")).toContainText(people.GUARD.name);
    await expect(rung(guard, "确认解决")).toContainText("已完成");
    await picture(guard, "guard-closed");
  });

  await test.step("the desk sees it closed, and everybody reads the same number", async () => {
    await expect(column(desk, "待确认 / 回访").getByText("没有待确认的事")).toBeVisible();
    await expect(rung(pane(desk), "确认解决")).toContainText("已完成");
    await desk.getByRole("searchbox", { name: "搜索" }).fill(number.slice(1));
    await expect(desk.getByRole("button", { name: /漏水/ })).toHaveCount(1);
    await picture(desk, "desk-closed");
    await technician.getByRole("link", { name: /漏水/ }).click();
    expect(await people.numberOf(technician)).toBe(number);
    await expect(rung(technician, "确认解决")).toContainText("已完成");
    await picture(technician, "technician-closed");
    // One record of each step, although the phones had to send some of them again and again.
    for (const page of [guard, technician, pane(desk)]) {
      await expect(people.story(page).filter({ hasText: "处理完成" })).toHaveCount(1);
    }
  });

  expect([...guards.errors, ...technicians.errors, ...desks.errors]).toEqual([]);
});
