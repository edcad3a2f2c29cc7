/** The labels at checkpoints as they come out of the printer: the one place where their codes can be read. */
import { expect, type Page } from "@playwright/test";

/** A code of dark and light squares, with the white around it. */
export interface Code {
  /** How many squares it is wide and high. */
  side: number;
  dark: (x: number, y: number) => boolean;
}

export interface Label {
  code: Code;
  /** What stands in print for whoever cannot scan: `7K3M-9QPC`. */
  short: string;
}

/** The printed labels of a site, by the code of their place; `page` is of somebody who may print them. */
export async function printed(page: Page, site: string): Promise<(place: string) => Label> {
  const answer = await page.request.get(`/api/labels?site=${site}`);
  expect(answer.status()).toBe(200);
  const labels = new Map<string, Label>();
  const article = /<svg viewBox="0 0 (\d+) \1"[^>]*><path d="([^"]*)"\/><\/svg>.*?<p>([^<]*)<\/p><code>([^<]*)<\/code>/gs;
  for (const [, side, path, place, short] of (await answer.text()).matchAll(article)) {
    const dark = new Set([...(path ?? "").matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${x} ${y}`));
    const code = { side: Number(side), dark: (x: number, y: number) => dark.has(`${x} ${y}`) };
    labels.set(place ?? "", { code, short: short ?? "" });
  }
  return (place) => {
    const label = labels.get(place);
    if (!label) throw new Error(`no label is printed for ${place}: ${[...labels.keys()].join(", ")}`);
    return label;
  };
}
