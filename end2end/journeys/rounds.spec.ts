/** Rounds: walked without a network, shown by labels, and told to those who look after them. */
import { PHONE, TABLET } from "../devices.ts";
import { expect, HERE, test } from "../journey.ts";
import * as labels from "../labels.ts";
import * as people from "../people.ts";
import * as rounds from "../rounds.ts";
import { stop } from "../rounds.ts";

test(
  "a round is walked without a network, by label, by code and by photo, and what was found reaches the desk",
  { tag: "@phone" },
  async ({ server, device, scanner, picture }) => {
    test.setTimeout(240_000);
    const begun = await rounds.plan(server, rounds.STOPS, 240);
    const [supervisors, desks, { phone, camera }] = [await device(TABLET), await device(TABLET), await scanner()];
    const [supervisor, desk, guard] = [supervisors.page, desks.page, phone.page];

    await people.signIn(supervisor, people.SUPERVISOR);
    await people.signIn(desk, people.DESK);
    const label = await test.step("whoever answers for the routes prints the labels", async () => {
      const sheets = await supervisors.context.newPage();
      await sheets.goto(`/api/labels?site=${rounds.SITE}`);
      await picture(sheets, "printed-labels");
      await sheets.close();
      return labels.printed(supervisor, rounds.SITE);
    });

    await test.step("the guard's phone knows the round from the plan alone", async () => {
      await people.signIn(guard, people.GUARD);
      await people.shellIsKept(guard);
      await begun();
      await expect(guard.getByText("0 / 5")).toBeVisible();
      await expect(guard.getByText(/下一点：东门岗亭/)).toBeVisible();
      await picture(guard, "home-with-a-round");
    });

    await phone.goOffline();
    await rounds.open(guard);
    const path = new URL(guard.url()).pathname;

    await test.step("a label of another route is none of this one, and is not ticked", async () => {
      await camera.see(label("B8-1-LOBBY").code);
      const sheet = await rounds.prove(guard);
      await expect(sheet.getByText("这个标签不在这条路线上。")).toBeVisible();
      await picture(guard, "a-foreign-label");
      await sheet.getByRole("button", { name: "关闭" }).click();
      await expect(guard.getByText("0 / 5")).toBeVisible();
    });

    await test.step("the label at the gate is scanned", async () => {
      await camera.see(label("G-GATE1").code);
      const sheet = await rounds.prove(guard);
      await expect(sheet).toBeHidden();
      await expect(guard.getByText("已打点：东门岗亭")).toBeVisible();
      for (const said of ["按时", "二维码", "还有 1 项没看"]) {
        await expect(stop(guard, "东门岗亭")).toContainText(said);
      }
      await picture(guard, "ticked-by-its-label");
      await rounds.answer(guard, "岗亭无异常", "是");
      // With that the next stop opens.
      await expect(stop(guard, "1 号楼大堂")).toHaveAttribute("aria-expanded", "true");
      await expect(guard.getByText("1 / 5")).toBeVisible();
    });

    await test.step("and the one in the lobby", async () => {
      await camera.see(label("B1-1-LOBBY").code);
      await expect(await rounds.prove(guard)).toBeHidden();
      await rounds.answer(guard, "门禁正常", "是");
      await rounds.answer(guard, "照明正常", "是");
      await expect(stop(guard, "消防通道 A")).toHaveAttribute("aria-expanded", "true");
    });

    await test.step("at the fire lane a photo is asked for, too", async () => {
      await camera.see(label("G-FIRE-A").code);
      await expect(await rounds.prove(guard)).toBeHidden();
      await rounds.answer(guard, "通道无占用", "是");
      await guard.getByLabel("拍照", { exact: true }).setInputFiles(people.photo("litter-small.jpg"));
      await expect(stop(guard, "水泵房")).toHaveAttribute("aria-expanded", "true");
      await expect(guard.getByText("3 / 5")).toBeVisible();
      // The stop to go to is in sight, however many lie above it.
      await expect(stop(guard, "水泵房")).toBeInViewport({ ratio: 1 });
    });

    await test.step("what was photographed there is in a report from there", async () => {
      await stop(guard, "消防通道 A").click();
      await guard.getByRole("main").getByRole("button", { name: "报告问题" }).click();
      await expect(guard.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
      await picture(guard, "with-the-photo-of-the-stop");
      await guard.getByRole("button", { name: "不要了" }).click();
      await guard.getByRole("dialog").getByRole("button", { name: "不要了" }).click();
      await expect(stop(guard, "消防通道 A")).toContainText("按时");
    });

    await test.step("in the pump room the code is typed, once wrongly", async () => {
      await camera.see(undefined);
      // What the browser is told once it holds for found then; a position is not taken that was found long before.
      await phone.context.setGeolocation(HERE);
      const sheet = await rounds.prove(guard);
      const short = label("P-PUMP").short;
      const field = sheet.getByLabel("标签上的短码");
      await field.fill(`${short.slice(0, -1)}${short.endsWith("7") ? "8" : "7"}`);
      await sheet.getByRole("button", { name: "用短码打点" }).click();
      await expect(field).toHaveAttribute("aria-invalid", "true");
      await picture(guard, "a-code-mistyped");
      await field.fill(short.toLowerCase().replace("-", " "));
      await sheet.getByRole("button", { name: "用短码打点" }).click();
      await expect(sheet).toBeHidden();
      // By the time that a code is typed the phone knows where it is.
      for (const said of ["手输短码", "定位 ±8 米"]) await expect(stop(guard, "水泵房")).toContainText(said);
    });

    await test.step("a pressure beyond its limits turns red and offers a report", async () => {
      const pressure = guard.getByRole("group", { name: "压力" }).getByRole("textbox");
      await pressure.fill("0.95");
      await pressure.press("Enter");
      await expect(guard.getByText("超出范围，请报告（高于 0.8）")).toBeVisible();
      await expect(pressure).toHaveAttribute("aria-invalid", "true");
      await picture(guard, "beyond-its-limits");
      await guard.getByRole("alert").getByRole("button", { name: "报告问题" }).click();
      await expect(guard.getByRole("heading", { level: 1, name: "报告问题" })).toBeVisible();
      await expect(guard.getByText("水泵房").first()).toBeVisible();
      await people.pickCategory(guard, "设施松动");
      await guard.getByLabel("拍照", { exact: true }).setInputFiles(people.photo("tile-exif8.jpg"));
      await expect(guard.getByRole("button", { name: "照片 1", exact: true })).toBeVisible();
      await guard.getByLabel("补充一句").fill("水泵房压力偏高");
      await picture(guard, "reported-from-the-stop");
      await guard.getByRole("button", { name: "送服务台" }).click();
      await expect(guard.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
      for (const said of ["按时", "异常", "已报 1 件"]) {
        await expect(stop(guard, "水泵房")).toContainText(said);
      }
    });

    await test.step("where the label is gone, a photo and the reason stand for it", async () => {
      await expect(stop(guard, "2 号楼天台门")).toHaveAttribute("aria-expanded", "true");
      await guard.getByRole("button", { name: "扫不了码" }).click();
      const sheet = guard.getByRole("dialog", { name: "扫不了码" });
      await sheet.getByLabel("拍现场照片").setInputFiles(people.photo("litter-small.jpg"));
      await expect(sheet.getByRole("button", { name: "去掉照片 1" })).toBeVisible();
      await sheet.getByRole("radio", { name: "标签不见了" }).check();
      await picture(guard, "cannot-be-scanned");
      await sheet.getByRole("button", { name: "记下" }).click();
      await expect(sheet).toBeHidden();
      await expect(stop(guard, "2 号楼天台门")).toContainText("没扫标签，用照片代替");
      await rounds.answer(guard, "门已锁", "是");
      await expect(guard.getByText("5 / 5")).toBeVisible();
      await picture(guard, "walked-to-its-end");
    });

    await test.step("all of it is still there after a start without a network", async () => {
      await phone.restart(path);
      await expect(guard.getByText("5 / 5")).toBeVisible();
      await expect(guard.getByText(/\d+ 条存在手机/)).toBeVisible();
      for (const place of ["东门岗亭", "1 号楼大堂", "消防通道 A", "水泵房", "2 号楼天台门"]) {
        await expect(stop(guard, place)).toContainText("按时");
      }
    });

    await test.step("the supervisor's device has heard of nothing yet", async () => {
      await supervisor.goto(path);
      await expect(stop(supervisor, "东门岗亭")).toBeVisible();
      await expect(supervisor.getByText("0 / 5")).toBeVisible();
      const states = (await rounds.report(supervisor)).flatMap(({ stops }) => stops.map(({ state }) => state));
      expect(states).toEqual(Array(5).fill("pending"));
    });

    await test.step("back in reach it goes by itself, and the supervisor sees it come", async () => {
      await phone.goOnline();
      await expect(guard.getByText(/\d+ 条存在手机/)).toBeHidden();
      // The stop names what was reported there by its number, and leads to it.
      await stop(guard, "水泵房").click();
      await expect(guard.getByRole("link", { name: /#\d{4}-\d{3} .*水泵房/ })).toBeVisible();
      await picture(guard, "the-stop-names-its-case");
      await expect(stop(supervisor, "东门岗亭")).toContainText("按时");
      await expect(stop(supervisor, "水泵房")).toContainText("已报 1 件");
      await expect(stop(supervisor, "2 号楼天台门")).toContainText("没扫标签，用照片代替");
      await stop(supervisor, "水泵房").click();
      await expect(supervisor.getByRole("group", { name: "压力" })).toContainText("0.95 MPa");
      // Who looks after a round ticks nothing in it.
      await expect(supervisor.getByRole("button", { name: /扫码|扫不了码|不去这一点|提前结束/ })).toHaveCount(0);
      await picture(supervisor, "as-the-supervisor-sees-it");
    });

    await test.step("every stop was in time, and what speaks against a tick stands beside it", async () => {
      const lines = await rounds.report(supervisor);
      expect(lines.map(({ round }) => `/rounds/${round}`)).toEqual([path]);
      const [{ stops } = { stops: [] }] = lines;
      expect(stops.map(({ place, state, abnormal }) => [place, state, abnormal])).toEqual([
        ["G-GATE1", "on_time", false],
        ["B1-1-LOBBY", "on_time", false],
        ["G-FIRE-A", "on_time", false],
        ["P-PUMP", "on_time", true],
        ["B2-ROOF", "on_time", false],
      ]);
      const doubts = stops.map(({ trust }) => trust?.doubts ?? []);
      expect(doubts[0]).toEqual([]);
      expect(doubts[3]).toContain("code_typed");
      expect(doubts[4]).toContain("not_scanned");
      expect(stops[3]?.cases).toHaveLength(1);
    });

    await test.step("its trail has the photos", async () => {
      await supervisor.goto(path.replace("/rounds/", "/watch/"));
      const photos = supervisor.getByRole("main").getByRole("button", { name: /照片/ });
      await expect(photos).toHaveCount(2);
      await photos.first().click();
      await expect(supervisor.getByRole("dialog").getByRole("img")).toBeVisible();
      await picture(supervisor, "a-photo-of-the-trail-in-full");
    });

    await test.step("the case at the desk leads to the round on which it was found", async () => {
      const open = await people.openCard(desk, /水泵房/);
      await expect(open.getByText("水泵房压力偏高")).toBeVisible();
      await picture(desk, "at-the-desk");
      await open.getByRole("link", { name: "巡查时发现：北区夜巡" }).click();
      await expect(desk.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
      await expect(stop(desk, "水泵房")).toContainText("异常");
      await picture(desk, "the-round-at-the-desk");
    });

    expect([...phone.errors, ...supervisors.errors, ...desks.errors]).toEqual([]);
  },
);

test(
  "what was ticked in time and delivered after the window is on time, and says so",
  { tag: "@phone" },
  async ({ server, device, picture }) => {
    test.setTimeout(300_000);
    const [supervisors, phone] = [await device(TABLET), await device(PHONE)];
    const [supervisor, guard] = [supervisors.page, phone.page];
    await people.signIn(supervisor, people.SUPERVISOR);
    await people.signIn(guard, people.GUARD);
    await people.shellIsKept(guard);
    const begun = await rounds.plan(server, rounds.STOPS.slice(0, 2), 2);
    const label = await labels.printed(supervisor, rounds.SITE);

    await begun();
    await guard.goto("/");
    await rounds.open(guard);
    const path = new URL(guard.url()).pathname;
    await test.step("one stop is told at once, the other in a cellar", async () => {
      await rounds.tickByCode(guard, label("G-GATE1"));
      await rounds.answer(guard, "岗亭无异常", "是");
      await expect(guard.getByText(/\d+ 条存在手机/)).toBeHidden();
      await phone.goOffline();
      await rounds.tickByCode(guard, label("B1-1-LOBBY"));
      await expect(stop(guard, "1 号楼大堂")).toContainText("按时");
    });

    const states = async () => {
      const [line] = await rounds.report(supervisor);
      return line?.stops.map(({ state, arrived_late }) => [state, arrived_late]);
    };
    await test.step("at the window's end nobody is known to have been in the lobby", async () => {
      await supervisor.goto(path);
      await expect(stop(supervisor, "东门岗亭")).toContainText("按时");
      await expect(stop(supervisor, "1 号楼大堂")).toContainText("漏点", { timeout: 200_000 });
      await expect.poll(states).toEqual([["on_time", false], ["missed", false]]);
      await picture(supervisor, "missed");
    });

    await test.step("what arrives then was in time", async () => {
      await phone.goOnline();
      await expect(stop(supervisor, "1 号楼大堂")).toContainText("按时");
      await expect(stop(supervisor, "1 号楼大堂")).toContainText("网络晚到，打点按时");
      await expect.poll(states).toEqual([["on_time", false], ["on_time", true]]);
      await picture(supervisor, "on-time-after-all");
    });

    expect([...phone.errors, ...supervisors.errors]).toEqual([]);
  },
);

/** Counts in the page how often the screen is being kept on, and has tags held to the phone: `hold(link)`. */
function watchTheDevice(): void {
  const watched = { awake: 0, hold: (_link: string) => {} };
  Object.assign(window, { watched });
  const request = async () => {
    watched.awake += 1;
    return { release: async () => void (watched.awake -= 1) };
  };
  Object.defineProperty(navigator, "wakeLock", { configurable: true, value: { request } });
  class Reader extends EventTarget {
    async scan(): Promise<void> {
      watched.hold = (link) => {
        const record = (recordType: string, text: string) => {
          return { recordType, data: new DataView(new TextEncoder().encode(text).buffer) };
        };
        // A tag may say first where it hangs.
        const records = [record("text", "1 号楼大堂"), record("url", link)];
        this.dispatchEvent(Object.assign(new Event("reading"), { message: { records } }));
      };
    }
  }
  Object.assign(window, { NDEFReader: Reader });
}

/** Gives the browser a detector of its own, which sees one code in every picture. */
function seeEverywhere(rawValue: string): void {
  class BarcodeDetector {
    static getSupportedFormats = async () => ["qr_code"];
    detect = async (video: HTMLVideoElement) => (video.videoWidth > 0 ? [{ rawValue }] : []);
  }
  Object.assign(window, { BarcodeDetector });
}

test(
  "stops are ticked by a followed link, by a tag and by the browser's own detector, one is left out, and a colleague ends the round early",
  { tag: "@phone" },
  async ({ server, device, picture }) => {
    test.setTimeout(120_000);
    const begun = await rounds.plan(server, rounds.STOPS, 240);
    const [phone, others, office] = [await device(PHONE), await device(PHONE), await device(TABLET)];
    const [guard, other, supervisor] = [phone.page, others.page, office.page];
    await phone.context.addInitScript(watchTheDevice);
    const watched = () => guard.evaluate(() => (window as unknown as { watched: { awake: number } }).watched.awake);
    await people.signIn(guard, people.GUARD);
    await people.signIn(other, people.OTHER_GUARD);
    await people.signIn(supervisor, people.SUPERVISOR);
    await begun();

    await test.step("the phone's own camera leads to the stop of the label", async () => {
      await guard.goto(await server.labelOf("G-GATE1"));
      await expect(guard.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
      for (const said of ["按时", "链接"]) await expect(stop(guard, "东门岗亭")).toContainText(said);
      await rounds.answer(guard, "岗亭无异常", "是");
      expect(await watched()).toBe(1);
    });

    await test.step("a tag is held to the phone", async () => {
      await rounds.prove(guard);
      const link = new URL(await server.labelOf("B1-1-LOBBY"), phone.url).href;
      await expect.poll(() =>
        guard.evaluate((link) => {
          (window as unknown as { watched: { hold: (link: string) => void } }).watched.hold(link);
          return document.querySelector("dialog[open]") === null;
        }, link),
      ).toBe(true);
      for (const said of ["按时", "NFC"]) await expect(stop(guard, "1 号楼大堂")).toContainText(said);
      await rounds.answer(guard, "门禁正常", "是");
      await rounds.answer(guard, "照明正常", "是");
    });

    await test.step("a stop is left out, with a reason and a photo", async () => {
      await expect(stop(guard, "消防通道 A")).toHaveAttribute("aria-expanded", "true");
      await guard.getByRole("button", { name: "不去这一点" }).click();
      const sheet = guard.getByRole("dialog", { name: "不去这一点" });
      await sheet.getByLabel("拍现场照片").setInputFiles(people.photo("litter-small.jpg"));
      await expect(sheet.getByRole("button", { name: "去掉照片 1" })).toBeVisible();
      await sheet.getByRole("radio", { name: "正在施工" }).check();
      await sheet.getByRole("button", { name: "记下" }).click();
      await expect(sheet).toBeHidden();
      await expect(stop(guard, "消防通道 A")).toContainText("没去");
    });

    await test.step("the rest is handed to a colleague, and the screen may go off", async () => {
      await guard.getByRole("button", { name: "交给同事" }).click();
      const sheet = guard.getByRole("dialog", { name: "交给同事" });
      await sheet.getByRole("searchbox").fill(people.OTHER_GUARD.name);
      await sheet.getByRole("button", { name: people.OTHER_GUARD.name }).first().click();
      await picture(guard, "handing-over");
      await sheet.getByRole("button", { name: `交给${people.OTHER_GUARD.name}` }).click();
      await expect(guard.getByRole("heading", { level: 1, name: "巡查" })).toBeVisible();
      expect(await watched()).toBe(0);
    });

    await test.step("whose browser finds codes by itself", async () => {
      await others.context.addInitScript(seeEverywhere, new URL(await server.labelOf("P-PUMP"), others.url).href);
      await others.restart();
      await rounds.open(other);
      await expect(other.getByText("2 / 5")).toBeVisible();
      await rounds.prove(other);
      for (const said of ["按时", "二维码"]) await expect(stop(other, "水泵房")).toContainText(said);
    });

    await test.step("who ends it early, and why", async () => {
      await other.getByRole("button", { name: "提前结束" }).click();
      const sheet = other.getByRole("dialog", { name: "提前结束" });
      await sheet.getByRole("radio", { name: "被叫去处理急事" }).check();
      await sheet.getByRole("button", { name: "记下" }).click();
      await expect(sheet).toBeHidden();
      await expect(stop(other, "2 号楼天台门")).toContainText("没去");
    });

    await test.step("is told to whoever looks after rounds", async () => {
      await supervisor.getByRole("link", { name: "巡查", exact: true }).click();
      await supervisor.getByRole("link", { name: /看经过/ }).click();
      const main = supervisor.getByRole("main");
      await expect(main.getByText(/被叫去处理急事/).first()).toBeVisible();
      await expect(main.getByText(/正在施工/).first()).toBeVisible();
      await expect(main.getByText(new RegExp(`${people.GUARD.name}.*${people.OTHER_GUARD.name}`)).first()).toBeVisible();
      await picture(supervisor, "its-trail");
    });

    expect([...phone.errors, ...others.errors, ...office.errors]).toEqual([]);
  },
);

test("a label of another round that is on is ticked in that one", { tag: "@phone" }, async ({ server, device, picture }) => {
  test.setTimeout(180_000);
  const begun = await rounds.plan(server, rounds.STOPS.slice(0, 1), 240, rounds.STOPS.slice(1, 2));
  const [supervisor, guard] = [(await device(TABLET)).page, (await device(PHONE)).page];
  await people.signIn(supervisor, people.SUPERVISOR);
  const label = await labels.printed(supervisor, rounds.SITE);
  await people.signIn(guard, people.GUARD);
  await begun();
  await guard.goto("/rounds");
  await guard.getByRole("link", { name: /北区夜巡/ }).first().click();
  await expect(stop(guard, "东门岗亭")).toBeVisible();
  const sheet = await rounds.prove(guard);
  await sheet.getByLabel("标签上的短码").fill(label("B1-1-LOBBY").short);
  await sheet.getByRole("button", { name: "用短码打点" }).click();
  const there = sheet.getByRole("button", { name: "记到“南区夜巡”里" });
  await expect(there).toBeVisible();
  await picture(guard, "a-label-of-another-round");
  await there.click();
  await expect(guard.getByRole("heading", { level: 1, name: "南区夜巡" })).toBeVisible();
  await expect(stop(guard, "1 号楼大堂")).toContainText("手输短码");
  await expect(guard.getByText("已打点：1 号楼大堂")).toBeVisible();
  // Nothing of the other round was ticked by it.
  await guard.goBack();
  await expect(guard.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
  await expect(stop(guard, "东门岗亭")).not.toContainText("手输短码");
});
