/** What holds on every page: no barrier that axe finds, room for a thumb, two languages, two themes. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { PHONE, TABLET } from "../devices.ts";
import { type Device, expect, test } from "../journey.ts";
import * as labels from "../labels.ts";
import {
  alongAGuardsPages,
  alongAWalkersPages,
  alongTheOfficesPages,
  alongTheSupervisorsPages,
  type Look,
  type MakeDevice,
} from "../pages.ts";
import * as people from "../people.ts";
import * as rounds from "../rounds.ts";
import type { Server } from "../server.ts";

/** Day and night: of what axe looks for, only the colours differ between them. */
const BY_DAY_AND_NIGHT = ["dark", "light"] as const;

/** A look for what axe finds. */
function forBarriers(
  picture: (page: Page, step: string) => Promise<void>,
  found: string[],
  schemes: readonly (typeof BY_DAY_AND_NIGHT)[number][] = BY_DAY_AND_NIGHT,
): Look {
  return async (page, name) => {
    for (const colorScheme of schemes) {
      // Without movement, or axe may measure a colour on its way.
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await picture(page, `${name}-${colorScheme}`);
      const axe = new AxeBuilder({ page });
      if (colorScheme === "dark") axe.withRules(["color-contrast", "link-in-text-block"]);
      const { violations } = await axe.analyze();
      for (const { id, impact, help, nodes } of violations) {
        if (impact !== "serious" && impact !== "critical") continue;
        const where = nodes.map((node) => `${node.target.join(" ")} ${node.html.slice(0, 160)}`);
        found.push(...where.map((one) => `${name}, ${colorScheme}: ${id} (${help}): ${one}`));
      }
    }
  };
}

/** Signs a guard in who walks a round, and a supervisor, who can read what is printed on its labels. */
async function beforeARound(
  server: Server,
  phone: Device,
  make: MakeDevice,
): Promise<{ supervisor: Page; label: (place: string) => labels.Label }> {
  const begun = await rounds.plan(server, rounds.STOPS, 240);
  const supervisor = (await make(TABLET)).page;
  await people.signIn(supervisor, people.SUPERVISOR);
  await people.signIn(phone.page, people.GUARD);
  await begun();
  return { supervisor, label: await labels.printed(supervisor, rounds.SITE) };
}

test("axe finds nothing serious on any page, by day and by night", { tag: "@phone" }, async ({ device, picture }) => {
  test.setTimeout(180_000);
  const found: string[] = [];
  const look = forBarriers(picture, found);
  await alongAGuardsPages(await device(PHONE), look);
  await alongTheOfficesPages(device, look);
  expect(found).toEqual([]);
});

/** Room for a thumb, in CSS pixels, and for what one reaches for in a hurry. */
const THUMB = 44;
const MAIN = 56;

/** What can be tapped and is too small, as `page: name (w × h)`. */
async function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(
    ({ THUMB, MAIN }) => {
      const small: string[] = [];
      const all = document.querySelectorAll<HTMLElement>("a[href], button, input, textarea, select, summary");
      // Over an open dialog nothing else can be tapped.
      const dialogs = document.querySelectorAll<HTMLElement>("dialog[open]");
      const reach = dialogs[dialogs.length - 1] ?? document.body;
      for (const element of all) {
        if (!reach.contains(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.matches(":disabled")) continue;
        // A radio or a file input is tapped on its label, which lies around it.
        const target = element.closest<HTMLElement>("label") ?? element;
        const { width, height } = target.getBoundingClientRect();
        // What is tapped on a walk, with gloves on, is as large as a button.
        const main = target.matches(".btn:not(.small), .tap, .stop-head");
        // A half pixel is rounding.
        if (height + 0.5 < (main ? MAIN : THUMB) || width + 0.5 < THUMB) {
          const name = element.getAttribute("aria-label") ?? target.innerText.trim().slice(0, 20);
          small.push(`${element.tagName.toLowerCase()} ${name} (${Math.round(width)} × ${Math.round(height)})`);
        }
      }
      return small;
    },
    { THUMB, MAIN },
  );
}

/** A look for what is too small, and for what sticks out. */
function forThumbs(found: string[]): Look {
  return async (page, name) => {
    found.push(...(await tooSmall(page)).map((one) => `${name}: ${one}`));
    // Nothing sticks out sideways, either.
    const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (width > 0) found.push(`${name}: ${width} px wider than the screen`);
  };
}

test("everything on a phone has room for a thumb", { tag: "@phone" }, async ({ device }) => {
  test.setTimeout(120_000);
  const found: string[] = [];
  const look = forThumbs(found);
  await alongAGuardsPages(await device(PHONE), look);
  // The desk, too, is opened on a phone when somebody is out and about.
  await alongTheOfficesPages(() => device(PHONE), look);
  expect(found).toEqual([]);
});

test(
  "axe finds nothing serious on a round, nor where it is looked after, and all has room for a thumb, in either language",
  { tag: "@phone" },
  async ({ server, device, scanner, picture }) => {
    test.setTimeout(240_000);
    const [barriers, small]: [string[], string[]] = [[], []];
    const { phone, camera } = await scanner();
    const { supervisor, label } = await beforeARound(server, phone, device);
    // The colours are those of the other language.
    for (const [language, schemes] of [["zh", BY_DAY_AND_NIGHT], ["en", ["light"]]] as const) {
      const [barrier, thumb] = [forBarriers(picture, barriers, schemes), forThumbs(small)];
      const both: Look = async (page, name) => {
        await thumb(page, name);
        await barrier(page, name);
      };
      await alongAWalkersPages({ phone, camera, label }, language, both);
      await alongTheSupervisorsPages(supervisor, language, both);
    }
    expect([...barriers, ...small]).toEqual([]);
    expect(phone.errors).toEqual([]);
  },
);

test("language and theme are chosen once and stay", async ({ device, picture }) => {
  const made = await device();
  const { page } = made;
  const html = page.locator("html");
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await page.getByRole("link", { name: "我", exact: true }).click();
  await expect(html).toHaveAttribute("lang", /^zh/);
  // The browser's, until somebody chooses: what is only guessed is not remembered.
  expect(await page.evaluate(() => ["language", "theme"].map((key) => localStorage.getItem(key)))).toEqual([null, null]);
  await picture(page, "me-chinese-day");
  const day = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByRole("radio", { name: "夜间" }).check();
  await expect(html).toHaveAttribute("data-theme", "night");
  await page.getByRole("radio", { name: "English" }).check();
  await expect(page.getByRole("heading", { level: 1, name: "Me" })).toBeVisible();
  await expect(html).toHaveAttribute("lang", /^en/);
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).not.toBe(day);
  await picture(page, "me-english-night");

  await made.goOffline();
  await made.restart();
  await expect(html).toHaveAttribute("data-theme", "night");
  await expect(html).toHaveAttribute("lang", /^en/);
  for (const [path, heading] of [
    ["/", "金洲花园"],
    ["/report", "New report"],
    ["/cases", "My cases"],
    ["/unsent", "Not sent"],
    ["/me", "Me"],
  ] as const) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
    await picture(page, `english-night-${path.slice(1) || "home"}`);
    // Of the pages' own words none is left in Chinese; names and places stay as they are.
    const words = await page.getByRole("main").innerText();
    expect(words).not.toMatch(/报告|照片|服务台|存在|离线|首问/);
  }
  await page.getByRole("radio", { name: "中文" }).check();
  await expect(page.getByRole("heading", { level: 1, name: "我" })).toBeVisible();
  await made.restart();
  await expect(page.getByLabel("拍照报告问题")).toBeAttached();
  expect(made.errors).toEqual([]);
});
