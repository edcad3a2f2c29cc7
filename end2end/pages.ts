/**
 * Every page of the app with something on it, and the sheets that open over them: what holds for all of them (axe,
 * room for a thumb, both languages and themes) is looked at by walking along them.
 */
import { expect, type Page } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Camera } from "./camera.ts";
import { PHONE, TABLET } from "./devices.ts";
import type { Device } from "./journey.ts";
import type { Label } from "./labels.ts";
import * as people from "./people.ts";
import { stop, today } from "./rounds.ts";
import { ROOT } from "./server.ts";

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

/** What the walk along a round takes: a phone with a camera, and the labels that hang there. */
export interface Walker {
  phone: Device;
  camera: Camera;
  label: (place: string) => Label;
}

type Language = "zh" | "en";

/** The app's words of a room in a language, by their key. */
async function wordsOf(language: Language, room: string): Promise<(key: string) => string> {
  const words = JSON.parse(await readFile(join(ROOT, `app/locales/${language}/${room}.json`), "utf8"));
  return (key) => words[key] ?? `no ${key}`;
}

async function speak(page: Page, language: Language): Promise<void> {
  await page.evaluate((language) => localStorage.setItem("language", JSON.stringify(language)), language);
}

/** The stops that a walk in a language ticks, by their place's code and name, so that there is one left for the other. */
const TICKED = { zh: ["G-GATE1", "东门岗亭"], en: ["B1-1-LOBBY", "1 号楼大堂"] } as const;

/** Walks along everything that a round shows to who walks it, in a language; the phone is signed in. */
export async function alongAWalkersPages(walker: Walker, language: Language, look: Look): Promise<void> {
  const { phone, camera, label } = walker;
  const { page } = phone;
  const [frame, word] = [await wordsOf(language, "frame"), await wordsOf(language, "rounds")];
  const seen = (name: string) => look(page, `${name}-${language}`);
  const shut = () => page.getByRole("dialog").getByRole("button", { name: frame("close") }).click();
  const asked = async (button: string, name: string) => {
    await page.getByRole("button", { name: word(button), exact: true }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await seen(name);
    await shut();
  };

  await speak(page, language);
  await page.goto("/");
  await expect(page.getByRole("link", { name: word("route") })).toBeVisible();
  await seen("home-with-a-round");
  await page.goto("/rounds");
  await expect(page.getByRole("heading", { name: word("now") })).toBeVisible();
  await seen("rounds");
  await page.getByRole("link", { name: "北区夜巡" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
  await seen("round");
  await asked("skip", "round-skip-sheet");
  await asked("cannot_scan", "round-cannot-scan-sheet");
  await asked("hand_over", "round-hand-over-sheet");
  await asked("finish", "round-finish-sheet");

  await camera.see(label("B8-1-LOBBY").code);
  await page.getByRole("button", { name: word("scan"), exact: true }).click();
  await expect(page.getByText(word("not_here"))).toBeVisible();
  await seen("round-scan-sheet");
  const [place, name] = TICKED[language];
  await page.getByLabel(word("type_code")).fill(label(place).short);
  await page.getByRole("button", { name: word("use_code") }).click();
  await expect(stop(page, name)).toContainText(word("on_time"));
  await page.getByRole("main").getByRole("button", { name: word("no"), exact: true }).first().click();
  await expect(stop(page, name)).toContainText(word("abnormal"));
  await seen("round-abnormal");
  await stop(page, "水泵房").click();
  const pressure = page.getByRole("group", { name: "压力" }).getByRole("textbox");
  await pressure.fill("0.95");
  await pressure.press("Enter");
  await expect(pressure).toHaveAttribute("aria-invalid", "true");
  await seen("round-beyond-limits");
  await page.goto("/c/AAAAAAAAAAAAAAAAAAAAAA");
  await expect(page.getByRole("heading", { name: word("label_none") })).toBeVisible();
  await seen("label-of-no-round");
}

/** Walks along the pages of whoever looks after rounds, in a language; somebody walked one of them, and the page is signed in. */
export async function alongTheSupervisorsPages(page: Page, language: Language, look: Look): Promise<void> {
  const [frame, word] = [await wordsOf(language, "frame"), await wordsOf(language, "rounds")];
  const seen = (name: string) => look(page, `${name}-${language}`);
  await speak(page, language);
  await page.goto("/watch");
  const strip = page.getByRole("link", { name: word("watch_open") });
  await expect(strip).toBeVisible();
  await seen("rounds-live");
  await strip.click();
  await expect(page.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
  await expect(page.getByRole("main").getByText("0.95 MPa").first()).toBeVisible();
  await seen("trail");
  await page.getByRole("link", { name: word("lately") }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "压力" })).toBeVisible();
  await seen("readings");
  await page.goto("/watch/days");
  await page.getByLabel(word("to_day"), { exact: true }).fill(today());
  await expect(page.getByRole("row", { name: /北区夜巡/ }).first()).toBeVisible();
  await seen("report-of-days");
  await page.goto("/watch/routes");
  await page.getByRole("link", { name: /北区夜巡/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: word("edit_route") })).toBeVisible();
  await seen("route");
  await page.getByRole("button", { name: word("add_stop") }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await seen("route-places-sheet");
  await page.getByRole("dialog").getByRole("button", { name: frame("close") }).click();
}
