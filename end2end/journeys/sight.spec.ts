/** Who sees what: nobody another site, and of a complaint neither the accused nor that person's lead anything (R9). */
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as people from "../people.ts";
import { column, pane } from "../people.ts";

const SECRET = "夜里在岗亭睡觉";

test("r9 a complaint is seen by the office, in outline by who took it, and by nobody else", { tag: "@phone" }, async ({
  device,
  picture,
}) => {
  const [guards, accuseds, leads, fars, desks] = [
    await device(PHONE),
    await device(PHONE),
    await device(PHONE),
    await device(PHONE),
    await device(TABLET),
  ];
  await people.signIn(guards.page, people.GUARD);
  await people.signIn(accuseds.page, people.OTHER_GUARD);
  await people.signIn(leads.page, people.GUARDS_LEAD);
  await people.signIn(fars.page, people.FAR_GUARD);
  await people.signIn(desks.page, people.DESK);

  const guard = guards.page;
  await people.write(guard, { category: "投诉", place: ["岗亭", /岗亭|大门/], text: SECRET });
  await guard.getByRole("radio", { name: "客户告诉我的" }).check();
  await guard.getByLabel("姓名").fill("陈女士");
  await guard.getByRole("button", { name: /投诉的是哪位同事/ }).click();
  const colleagues = guard.getByRole("dialog", { name: "被投诉的人" });
  await colleagues.getByRole("searchbox").fill(people.OTHER_GUARD.name);
  await colleagues.getByRole("button", { name: new RegExp(people.OTHER_GUARD.name) }).click();
  await expect(guard.getByText("投诉保密：只有服务台、主管和主任能看到内容。被投诉的人看不到。")).toBeVisible();
  await picture(guard, "complaint-written");
  await guard.getByRole("button", { name: "送服务台" }).click();
  const id = await people.caseOf(guard);

  await test.step("the desk sees it all", async () => {
    await people.openCard(desks.page, /投诉/);
    await expect(column(desks.page, "待受理").getByRole("button", { name: /投诉/ })).toHaveCount(1);
    for (const text of [SECRET, people.OTHER_GUARD.name, "陈女士"]) {
      await expect(pane(desks.page).getByText(text).first()).toBeVisible();
    }
    await picture(desks.page, "desk-sees-it");
  });

  await test.step("the first-asked person sees number and stage", async () => {
    await expect(guard.getByText("投诉要保密：您只能看到编号和进度。")).toBeVisible();
    await expect(guard.getByText(/#\d{4}-001/).first()).toBeVisible();
    await expect(guard.getByText(SECRET)).toHaveCount(0);
    await picture(guard, "outline");
    await guards.restart();
    await expect(guard.getByRole("link", { name: /#\d{4}-001/ })).toBeVisible();
    await picture(guard, "outline-at-home");
  });

  for (const [who, phone] of [["accused", accuseds], ["accuseds-lead", leads], ["far-guard", fars]] as const) {
    await test.step(`${who} sees nothing`, async () => {
      const { page } = phone;
      // What the others have received by now, this one would have, too.
      await page.reload();
      await expect(page.getByRole("link", { name: "在线" })).toBeVisible();
      await expect(page.getByRole("heading", { name: "没有要跟的事" })).toBeVisible();
      await expect(page.getByRole("link", { name: /投诉|保密|#/ })).toHaveCount(0);
      await page.goto(`/cases/${id}`);
      await expect(page.getByRole("heading", { name: "找不到这件事" })).toBeVisible();
      await picture(page, `${who}-sees-nothing`);
      const [site, somebody] = phone === fars ? ["wanjing", people.FAR_GUARD] : ["jinzhou", people.GUARD];
      const pulled = await people.everything(page, site);
      expect(pulled).toContain(somebody.name);
      expect(pulled).not.toContain(id);
      expect(pulled).not.toContain(SECRET);
    });
  }

  await test.step("nobody pulls from a site of which he is not", async () => {
    const answer = await fars.page.request.get("/api/pull?site=jinzhou");
    expect(answer.status()).toBe(403);
    expect(await answer.json()).toMatchObject({ code: "site.not_member" });
  });
  expect([guards, accuseds, leads, fars, desks].flatMap((one) => one.errors)).toEqual([]);
});

test("a case stays in its site", { tag: "@phone" }, async ({ device, picture }) => {
  const [guards, fars] = [await device(PHONE), await device(TABLET)];
  await people.signIn(guards.page, people.GUARD);
  await people.signIn(fars.page, people.FAR_DESK);
  await people.write(guards.page, { photo: "leak-12mp.jpg", category: "漏水", place: ["5大堂", /^大堂/] });
  await people.send(guards.page);
  await expect(people.rung(guards.page, "照片 1 / 1 已核对")).toBeVisible();
  const id = await people.caseOf(guards.page);

  await fars.page.reload();
  await expect(column(fars.page, "待受理").getByText("没有待受理的事")).toBeVisible();
  await picture(fars.page, "the-other-desk");
  const pulled = await people.everything(guards.page, "jinzhou");
  const photo = /"id\W+([0-9a-f-]{36})\W+sha256/.exec(pulled)?.[1];
  const path = `/api/cases/${id}/photos/${photo}?site=jinzhou&part=full`;
  expect((await guards.page.request.get(path)).status()).toBe(200);
  expect((await fars.page.request.get(path)).status()).toBe(404);
});

test("a case that a phone no longer holds is looked up at the server, with its photo", { tag: "@phone" }, async ({
  server,
  device,
  picture,
}) => {
  const first = await device(PHONE);
  await people.signIn(first.page, people.GUARD);
  await people.write(first.page, {
    photo: "leak-12mp.jpg",
    category: "漏水",
    place: ["5大堂", /^大堂/],
    text: "水管接头滴水",
  });
  await people.send(first.page);
  await expect(people.rung(first.page, "照片 1 / 1 已核对")).toBeVisible();
  const id = await people.caseOf(first.page);

  // It leaves the feed, as it does a month after its end; another phone of the same person never gets it.
  await server.leaveFeed(id);
  const other = await device(PHONE);
  const { page } = other;
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await page.goto("/cases");
  await page.getByRole("searchbox").fill("接头 滴水");
  await expect(page.getByRole("heading", { name: "没有找到" })).toBeVisible();
  const look = page.getByRole("button", { name: "查更早的事" });
  await picture(page, "nothing-on-this-phone");

  await other.goOffline();
  await look.click();
  await expect(page.getByText(/没有网络|没有网/).last()).toBeVisible();
  await picture(page, "no-network-to-look-with");
  await other.goOnline();
  await look.click();
  await expect(page.getByText("又找到 1 件，已经全部查完。")).toBeVisible();
  await picture(page, "found-at-the-server");
  await page.getByRole("link", { name: /漏水/ }).click();
  await expect(page).toHaveURL(`${other.url}/cases/${id}`);
  await expect(page.getByText("水管接头滴水").first()).toBeVisible();
  // It is nowhere stored, and is looked up again where the app is loaded anew.
  await page.reload();
  await expect(page.getByText("水管接头滴水").first()).toBeVisible();
  await page.getByRole("button", { name: "照片 1", exact: true }).click();
  await expect(page.getByRole("dialog").getByRole("img")).toBeVisible();
  await picture(page, "its-photo");
});
