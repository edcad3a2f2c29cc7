/** Rounds in the journeys: a route whose round is on now, and what somebody does on it over and over. */
import { expect, type Locator, type Page } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Label } from "./labels.ts";
import { ROOT, type Server } from "./server.ts";

/** The property's code, and the zone of its clocks. */
export const SITE = "jinzhou";
const ZONE = "Asia/Shanghai";

const sound = (text: string) => ({ text, kind: "ok_or_not" });

/** Five checkpoints: two to be looked at, one with a photo, one with a number within limits, one on a roof. */
export const STOPS = [
  { place: "G-GATE1", items: [sound("岗亭无异常")] },
  { place: "B1-1-LOBBY", items: [sound("门禁正常"), sound("照明正常")] },
  { place: "G-FIRE-A", items: [sound("通道无占用")], photo: true },
  { place: "P-PUMP", items: [{ text: "压力", kind: "number", unit: "MPa", low: 0.3, high: 0.8 }] },
  { place: "B2-ROOF", items: [sound("门已锁")] },
];

/** What the property's clocks show then: `22:05`. */
function onTheWall(at: number): string {
  return new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, timeStyle: "short" }).format(at);
}

/**
 * Gives the property one route, with one round a day for its guards, whose window is so many minutes long. It begins with
 * the next minute, because a route has no rounds from before it was made; what comes back waits for that. Nothing else
 * is to be walked, but what lies `beside` it: the stops of a second such route.
 */
export async function plan(
  server: Server,
  stops: object[],
  window: number,
  beside: object[] = [],
): Promise<() => Promise<void>> {
  const site = JSON.parse(await readFile(join(ROOT, "demo/site-jinzhou.json"), "utf8"));
  // The route has to be there by then.
  const begins = Math.ceil((Date.now() + 10_000) / 60_000) * 60_000;
  const time = onTheWall(begins);
  const when = { start: time, last: time, every_min: 1440, window_min: window };
  const walked = { kind: "patrol", ordered: true, ...when, roles: ["guard"] };
  site.routes = [{ code: "R-J", name: "北区夜巡", ...walked, stops }];
  if (beside.length > 0) site.routes.push({ code: "R-K", name: "南区夜巡", ...walked, stops: beside });
  await server.import(site);
  return () => setTimeout(Math.max(0, begins + 500 - Date.now()));
}

/** Opens the round that is on from the home page. */
export async function open(page: Page): Promise<void> {
  await page.getByRole("link", { name: "看路线" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "北区夜巡" })).toBeVisible();
}

/** A stop of the round whose page is open, by its place: how it stands, and whether it is open. */
export function stop(page: Page, place: string): Locator {
  return page.getByRole("main").getByRole("button", { name: place }).and(page.locator("[aria-expanded]"));
}

/** Opens the sheet in which a label is scanned, tapped or typed; with a label before the camera it may be gone in a blink. */
export async function prove(page: Page): Promise<Locator> {
  await page.getByRole("button", { name: "扫码 / 碰一碰" }).click();
  return page.getByRole("dialog", { name: "对准标签上的二维码" });
}

/** Ticks the stop that is open by the code that is printed on its label. */
export async function tickByCode(page: Page, label: Label): Promise<void> {
  const sheet = await prove(page);
  await sheet.getByLabel("标签上的短码").fill(label.short);
  await sheet.getByRole("button", { name: "用短码打点" }).click();
  await expect(sheet).toBeHidden();
}

/** Answers something that is so, or not, at the stop that is open; with its last answer the next stop opens. */
export async function answer(page: Page, item: string, option: "是" | "否"): Promise<void> {
  await page.getByRole("group", { name: item }).getByRole("button", { name: option, exact: true }).click();
}

const DAY = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, dateStyle: "short" });

/** The property's date. */
export function today(): string {
  return DAY.format(Date.now());
}

/** What the server says of the rounds of these days to whoever may ask. */
export async function report(page: Page): Promise<RoundLine[]> {
  // A round that began before midnight belongs to the day before.
  const yesterday = DAY.format(Date.now() - 86_400_000);
  const answer = await page.request.get(`/api/rounds/report?site=${SITE}&day=${yesterday}&until=${today()}`);
  expect(answer.status()).toBe(200);
  const { report }: { report: { rounds: RoundLine[] } } = await answer.json();
  return report.rounds;
}

export interface RoundLine {
  round: string;
  stops: StopLine[];
}

export interface StopLine {
  place: string;
  state: string;
  abnormal: boolean;
  arrived_late: boolean;
  trust?: { level: string; doubts: unknown[] };
  readings?: { reading: unknown; abnormal: boolean }[];
  cases?: string[];
}
