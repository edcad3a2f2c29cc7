/**
 * Who takes part in the journeys, and what they do over and over: sign in, report, open a case.
 *
 * All of it through the pages, by what a person sees and hears: roles and labels.
 */
import { expect, type Locator, type Page } from "@playwright/test";
import { join } from "node:path";
import { PASSWORD, ROOT } from "./server.ts";

export interface Person {
  code: string;
  name: string;
}

/** A guard of the subcontractor Anda (安达), whose lead is told of what its people report. */
export const GUARD: Person = { code: "P024", name: "赵艳" };
export const OTHER_GUARD: Person = { code: "P027", name: "李平" };
export const GUARDS_LEAD: Person = { code: "P022", name: "郭文" };
export const CLEANER: Person = { code: "P011", name: "朱秀英" };
export const DESK: Person = { code: "P005", name: "孙霞" };
export const OTHER_DESK: Person = { code: "P006", name: "李国强" };
export const SUPERVISOR: Person = { code: "P002", name: "胡刚" };
export const DIRECTOR: Person = { code: "P001", name: "徐静" };
export const TECHNICIAN: Person = { code: "P044", name: "张玉兰" };
export const OTHER_TECHNICIAN: Person = { code: "P045", name: "郭霞" };
/** A guard and a clerk of the second property. */
export const FAR_GUARD: Person = { code: "P505", name: "吴刚" };
export const FAR_DESK: Person = { code: "P503", name: "林志强" };

/** One of the demo's photos. */
export function photo(name: string): string {
  return join(ROOT, "demo/photos", name);
}

/** Signs in on a device that nobody is known on, and waits until the first page has its data. */
export async function signIn(page: Page, person: Person): Promise<void> {
  await signInAlone(page, person);
  await expect(page.getByRole("heading", { level: 1, name: /金洲花园|万景|派单/ })).toBeVisible();
}

/** The same without waiting for what is fetched then. */
export async function signInAlone(page: Page, person: Person): Promise<void> {
  await page.goto("/");
  await fillSignIn(page, person);
  await expect(page.getByRole("navigation", { name: "主导航" })).toBeVisible();
}

/** Fills in the form and sends it; also for signing in again. */
export async function fillSignIn(within: Page | Locator, person: Person): Promise<void> {
  await within.getByLabel("手机号或工号").fill(person.code);
  await within.getByLabel("密码", { exact: true }).fill(PASSWORD);
  await within.getByRole("button", { name: "登录", exact: true }).click();
}

/** Waits until the app can start without a network, as it can from the second visit on. */
export async function shellIsKept(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
}

export interface Report {
  category?: string;
  /** What is typed to find the place, and the name of the one to take. */
  place?: [string, string | RegExp];
  text?: string;
  photo?: string;
}

/**
 * Sends a report with one photo the shortest way there is from the home page, and counts the taps besides the camera's own.
 * The place is that of the person's own area or of the reports before.
 */
export async function tapToAReport(page: Page): Promise<number> {
  await page.evaluate(() => {
    const taps = window as unknown as { taps: number };
    taps.taps = 0;
    document.addEventListener("click", (event) => event.isTrusted && event.detail > 0 && taps.taps++, true);
  });
  // The first tap opens the camera, which is the phone's own; it gives its photo.
  const camera = page.waitForEvent("filechooser");
  await page.getByLabel("拍照报告问题").click();
  await (await camera).setFiles(photo("leak-12mp.jpg"));
  await page.getByRole("radio", { name: "漏水" }).check();
  await page.getByRole("group", { name: "最近的地点" }).getByRole("radio").first().check();
  await page.getByRole("button", { name: "送服务台" }).click();
  await expect(rung(page, "存在手机")).toBeVisible();
  return page.evaluate(() => (window as unknown as { taps: number }).taps);
}

/** Opens the report from the home page, with the camera's photo or without, and fills it in. */
export async function write(page: Page, report: Report): Promise<void> {
  if (report.photo) {
    await page.getByLabel("拍照报告问题").setInputFiles(photo(report.photo));
  } else {
    await page.getByRole("link", { name: "不拍照" }).click();
  }
  await expect(page.getByRole("heading", { level: 1, name: "报告问题" })).toBeVisible();
  if (report.category) await pickCategory(page, report.category);
  if (report.place) await pickPlace(page, ...report.place);
  if (report.text) await page.getByLabel("补充一句").fill(report.text);
}

export async function pickCategory(page: Page, name: string): Promise<void> {
  const tile = page.getByRole("radio", { name, exact: true });
  const more = page.getByRole("button", { name: "更多…" });
  await expect(page.getByRole("group", { name: "是什么事" })).toBeVisible();
  if ((await tile.count()) === 0) await more.click();
  await tile.check();
}

export async function pickPlace(page: Page, typed: string, name: string | RegExp): Promise<void> {
  await page.getByRole("button", { name: /选地点|改$/ }).click();
  const places = page.getByRole("dialog", { name: "在哪里" });
  await places.getByRole("searchbox", { name: "查找地点" }).fill(typed);
  await places.getByRole("button", { name }).first().click();
  await expect(places).toBeHidden();
}

/** Sends what is written, and waits until it is on the device: the page is then that of the case. */
export async function send(page: Page): Promise<void> {
  await page.getByRole("button", { name: "送服务台" }).click();
  await expect(rung(page, "存在手机")).toBeVisible();
}

/** One step of the receipt ladder, by its title. */
export function rung(within: Page | Locator, title: string): Locator {
  const steps = within.getByRole("list", { name: "送到哪一步了" }).getByRole("listitem");
  return steps.filter({ has: pageOf(within).getByText(title, { exact: true }) });
}

/** The lines of the case's story. */
export function story(within: Page | Locator): Locator {
  return within.getByRole("listitem").filter({ has: pageOf(within).getByRole("time") });
}

function pageOf(within: Page | Locator): Page {
  return "page" in within ? within.page() : within;
}

/** The id of the case whose page is open. */
export async function caseOf(page: Page): Promise<string> {
  await expect(page).toHaveURL(/\/cases\/[0-9a-f-]{36}$/);
  return new URL(page.url()).pathname.split("/").pop() ?? "";
}

const NUMBER = /#\d{4}-\d{3}/;

/** The number that the server gave, as the receipt says it: `#1122-001`. */
export async function numberOf(page: Page): Promise<string> {
  const got = rung(page, "服务台收到文字");
  // The number comes with the first answer to a pull, a moment after the text has arrived.
  await expect(got).toContainText(NUMBER);
  const number = NUMBER.exec(await got.innerText())?.[0];
  if (!number) throw new Error("the receipt names no number");
  return number;
}

/** A column of the desk's board. */
export function column(page: Page, name: "待受理" | "处理中" | "待确认 / 回访"): Locator {
  return page.getByRole("region", { name });
}

/** The desk's pane with the chosen case. */
export function pane(page: Page): Locator {
  return page.getByRole("complementary", { name: "选中的事" });
}

/** Opens a case of the board in the pane. */
export async function openCard(page: Page, name: RegExp): Promise<Locator> {
  await page.getByRole("button", { name }).first().click();
  await expect(pane(page).getByRole("heading", { level: 2, name })).toBeVisible();
  return pane(page);
}

/** Begins one of the actions on a case: with its own button, or from the list under "more". */
export async function begin(within: Page | Locator, action: string): Promise<Locator> {
  const sheet = pageOf(within).getByRole("dialog");
  const own = within.getByRole("button", { name: action, exact: true });
  // Not that of a list.
  const more = within.getByTitle("更多", { exact: true });
  await expect(own.or(more).first()).toBeVisible();
  if (await own.isVisible()) {
    await own.click();
  } else {
    await more.click();
    await sheet.getByRole("button", { name: action, exact: true }).click();
  }
  await expect(sheet.getByRole("heading", { name: action })).toBeVisible();
  return sheet;
}

/** Gives a case that waits at the desk to somebody. */
export async function dispatch(open: Locator, to: Person): Promise<void> {
  await open.getByRole("group", { name: "派给" }).getByRole("radio", { name: to.name }).check();
  await open.getByRole("button", { name: "受理并派单" }).click();
}

/** What a date field takes for a time that many hours from now, by the clocks of the property. */
export function inHours(hours: number): string {
  const at = new Date(Date.now() + hours * 3_600_000);
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" })
    .format(at)
    .replace(" ", "T");
}

/** Everything that the server would give this device of a site, as text. */
export async function everything(page: Page, site: string): Promise<string> {
  let text = "";
  for (let query = ""; ; ) {
    const answer = await page.request.get(`/api/pull?site=${site}${query}`);
    expect(answer.status()).toBe(200);
    text += await answer.text();
    const { cursor, more }: { cursor: string; more: boolean } = await answer.json();
    if (!more) return text;
    query = `&cursor=${encodeURIComponent(cursor)}`;
  }
}

/** The words of every report at a site that the server shows to this device, in their order: one twice would stand twice. */
export async function reports(page: Page, site: string): Promise<string[]> {
  const texts: string[] = [];
  for (let query = ""; ; ) {
    const answer = await page.request.get(`/api/pull?site=${site}${query}`);
    expect(answer.status()).toBe(200);
    const { docs, cursor, more }: { docs: { case?: { full?: { text: string } } }[]; cursor: string; more: boolean } =
      await answer.json();
    for (const { case: shown } of docs) if (shown?.full) texts.push(shown.full.text);
    if (!more) return texts.sort();
    query = `&cursor=${encodeURIComponent(cursor)}`;
  }
}
