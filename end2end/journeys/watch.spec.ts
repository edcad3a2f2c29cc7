/** Rounds as those who look after them see them: live, one by one, by days, as readings over time, and as routes. */
import { readFile } from "node:fs/promises";
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as labels from "../labels.ts";
import * as people from "../people.ts";
import * as rounds from "../rounds.ts";

test(
  "the supervisor sees a round as it is walked, what happened on it, and takes the day home",
  { tag: "@tablet" },
  async ({ server, device, picture }) => {
    test.setTimeout(240_000);
    const [gate, , , pump] = rounds.STOPS;
    const begun = await rounds.plan(server, [gate, pump] as object[], 240);
    const [supervisors, phone] = [await device(TABLET), await device(PHONE)];
    const [supervisor, guard] = [supervisors.page, phone.page];
    await people.signIn(supervisor, people.SUPERVISOR);
    await people.signIn(guard, people.GUARD);
    const label = await labels.printed(supervisor, rounds.SITE);

    await begun();
    await supervisor.getByRole("link", { name: "巡查", exact: true }).click();
    const strip = supervisor.getByRole("link", { name: /看经过/ });
    await expect(strip).toContainText("还没人走");
    await expect(strip).toContainText("还没到 2");
    await picture(supervisor, "before-anybody-walks");

    await test.step("each stop shows as it is ticked, without anything being asked for", async () => {
      await rounds.open(guard);
      await rounds.tickByCode(guard, label("G-GATE1"));
      await rounds.answer(guard, "岗亭无异常", "是");
      await expect(strip).toContainText(people.GUARD.name);
      await expect(strip).toContainText("按时 1");
      await rounds.tickByCode(guard, label("P-PUMP"));
      const pressure = guard.getByRole("group", { name: "压力" }).getByRole("textbox");
      await pressure.fill("0.95");
      await pressure.press("Enter");
      await expect(strip).toContainText("按时 2");
      await expect(strip).toContainText("异常 1 点");
      await expect(strip).toContainText("已结束");
      await picture(supervisor, "as-it-is-walked");
    });

    await test.step("its trail says when, how and what, and why a tick is doubted", async () => {
      await strip.click();
      await expect(supervisor.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
      const main = supervisor.getByRole("main");
      await expect(main.getByText("短码是手输的，可能是别人报的").first()).toBeVisible();
      await expect(main.getByText("0.95 MPa")).toBeVisible();
      await expect(main.getByText(`${people.GUARD.name} 开始走`)).toBeVisible();
      await picture(supervisor, "its-trail");
    });

    await test.step("readings over time are a line within its limits", async () => {
      await supervisor.getByRole("link", { name: /近期读数/ }).click();
      await expect(supervisor.getByRole("heading", { level: 1, name: "压力" })).toBeVisible();
      await expect(supervisor.getByRole("img", { name: /1 次读数，最低 0\.95 MPa，最高 0\.95 MPa，异常 1 次/ })).toBeVisible();
      await picture(supervisor, "readings-over-time");
      await supervisor.getByRole("button", { name: "返回" }).click();
    });

    await test.step("whoever looked at it says so, and the guard sees it", async () => {
      await supervisor.getByRole("textbox", { name: "说明" }).fill("压力已交工程");
      await supervisor.getByRole("button", { name: "已复核", exact: true }).click();
      await expect(supervisor.getByText(`${people.SUPERVISOR.name} 复核`)).toBeVisible();
      await guard.reload();
      await expect(guard.getByText("已复核").first()).toBeVisible();
    });

    await test.step("the day's report is the same on the page, on paper and in files", async () => {
      await supervisor.getByRole("link", { name: "巡查", exact: true }).click();
      await supervisor.getByRole("link", { name: "报表", exact: true }).click();
      // In the morning the report is of the night before.
      await supervisor.getByLabel("到", { exact: true }).fill(rounds.today());
      const main = supervisor.getByRole("main");
      await expect(main.getByRole("row", { name: /北区夜巡/ }).first()).toBeVisible();
      await expect(main.getByRole("row", { name: new RegExp(people.GUARD.name) }).first()).toBeVisible();
      await picture(supervisor, "the-report-of-a-day");
      await supervisor.emulateMedia({ media: "print" });
      await picture(supervisor, "the-report-on-paper");
      await supervisor.emulateMedia({ media: "screen" });
      const taken = async (name: string) => {
        const [download] = await Promise.all([
          supervisor.waitForEvent("download"),
          supervisor.getByRole("link", { name }).click(),
        ]);
        return readFile(await download.path());
      };
      expect((await taken("下载 Excel")).subarray(0, 2).toString()).toBe("PK");
      expect((await taken("下载 CSV")).toString()).toContain("0.95");
    });

    expect([...supervisors.errors, ...phone.errors]).toEqual([]);
  },
);

test(
  "a route that is changed is walked so from the next round, and of two who change it nobody loses their work",
  { tag: "@tablet" },
  async ({ server, device, picture }) => {
    test.setTimeout(240_000);
    const begun = await rounds.plan(server, rounds.STOPS.slice(0, 2), 240);
    const [supervisors, directors, phone] = [await device(TABLET), await device(TABLET), await device(PHONE)];
    const [supervisor, director, guard] = [supervisors.page, directors.page, phone.page];
    await people.signIn(supervisor, people.SUPERVISOR);
    await people.signIn(director, people.DIRECTOR);
    await people.signIn(guard, people.GUARD);
    await begun();
    for (const page of [supervisor, director]) {
      await page.goto("/watch/routes");
      await page.getByRole("link", { name: /北区夜巡/ }).click();
      await expect(page.getByRole("heading", { level: 1, name: "改路线" })).toBeVisible();
    }

    await test.step("what is not complete is said where it is", async () => {
      await supervisor.getByRole("textbox", { name: "名称" }).fill("");
      await supervisor.getByRole("button", { name: "保存" }).click();
      await expect(supervisor.getByRole("textbox", { name: "名称" })).toHaveAttribute("aria-invalid", "true");
      await supervisor.getByRole("textbox", { name: "名称" }).fill("北区夜巡（加水泵房）");
      await supervisor.getByRole("button", { name: "加一个点" }).click();
      await supervisor.getByRole("dialog").getByRole("searchbox", { name: "查找地点" }).fill("水泵房");
      await supervisor.getByRole("dialog").getByRole("button", { name: /^水泵房/ }).first().click();
      await picture(supervisor, "a-route-being-changed");
    });

    await test.step("the director's change, made without a network, meets the supervisor's", async () => {
      await directors.goOffline();
      await director.getByRole("textbox", { name: "名称" }).fill("北区夜巡（雨季）");
      await director.getByRole("button", { name: "保存" }).click();
      await expect(director.getByRole("link", { name: /北区夜巡（雨季）/ })).toContainText("还没送出");
      await supervisor.getByRole("button", { name: "保存" }).click();
      await expect(supervisor.getByRole("link", { name: /加水泵房/ })).not.toContainText("还没送出");
      await directors.goOnline();
      // What the director asked for is not done over the other's change, and it is not gone.
      await director.goto("/unsent");
      await expect(director.getByText(/北区夜巡（雨季）/)).toBeVisible();
      await picture(director, "refused-and-kept");
      await director.getByRole("link", { name: "修改重发" }).click();
      await expect(director.getByRole("textbox", { name: "名称" })).toHaveValue("北区夜巡（雨季）");
      await expect(director.getByRole("button", { name: "放弃我的，从最新的改起" })).toBeVisible();
      await expect(supervisor.getByRole("link", { name: /加水泵房/ })).toBeVisible();
    });

    await test.step("the round that is on is walked as it was begun", async () => {
      await guard.goto("/");
      await rounds.open(guard);
      await expect(guard.getByText("0 / 2")).toBeVisible();
    });

    expect([...supervisors.errors, ...directors.errors, ...phone.errors]).toEqual([]);
  },
);
