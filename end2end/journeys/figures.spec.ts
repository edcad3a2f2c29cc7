/**
 * The figures that the app is held to, measured on the way a person goes, printed and kept in
 * `artefacts/figures.json`. None is asserted: they belong to the machine.
 */
import type { Page } from "@playwright/test";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PHONE } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as labels from "../labels.ts";
import * as people from "../people.ts";
import * as rounds from "../rounds.ts";
import { ROOT, SITE } from "../server.ts";

const REPORTS = 25;
const TICKS = 20;
const FRAMES = 40;
const STARTS = 5;
const THROTTLE = 4;

/** Watches in the page, where the times are true: from a tap on a button until a text is painted. */
async function timeFromTapTo(page: Page, button: string, text: string): Promise<void> {
  await page.evaluate(
    ({ button, text }) => {
      const times = window as unknown as { took?: number };
      delete times.took;
      const tapped = (event: Event) => {
        const target = event.target instanceof Element ? event.target.closest("button") : null;
        if (target?.innerText.trim() !== button) return;
        document.removeEventListener("click", tapped, true);
        const begun = event.timeStamp;
        const look = () => {
          // Found in the frame that will paint it.
          if (document.body.textContent.includes(text)) times.took = performance.now() - begun;
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      };
      document.addEventListener("click", tapped, true);
    },
    { button, text },
  );
}

async function took(page: Page): Promise<number> {
  const taken = () => page.evaluate(() => (window as unknown as { took?: number }).took ?? -1);
  await expect.poll(taken).toBeGreaterThan(0);
  return taken();
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

test("figures: taps to a report, saved on this phone, offline cold start", { tag: "@phone" }, async ({ device }) => {
  test.setTimeout(180_000);
  const phone = await device(PHONE);
  const { page } = phone;
  await people.signIn(page, people.CLEANER);
  await people.shellIsKept(page);
  await phone.goOffline();
  const figures: Record<string, number> = {};

  await test.step("from the home page to a sent report with one photo", async () => {
    const begun = Date.now();
    figures["taps_to_a_sent_report"] = await people.tapToAReport(page);
    figures["seconds_to_a_sent_report"] = (Date.now() - begun) / 1000;
  });

  await test.step("from the tap on send to saved on this phone", async () => {
    const times: number[] = [];
    for (let report = 0; report < REPORTS; report += 1) {
      await page.goto("/");
      await people.write(page, { category: "垃圾污渍", text: `第 ${report + 1} 处` });
      await page.getByRole("group", { name: "最近的地点" }).getByRole("radio").first().check();
      await timeFromTapTo(page, "送服务台", "断网也不丢");
      await page.getByRole("button", { name: "送服务台" }).click();
      times.push(await took(page));
    }
    figures["saved_on_this_phone_ms_p50"] = percentile(times, 0.5);
    figures["saved_on_this_phone_ms_p95"] = percentile(times, 0.95);
  });

  await test.step("an offline cold start to a home page that can be used", async () => {
    const cdp = await phone.context.newCDPSession(page);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
    const times: number[] = [];
    for (let start = 0; start < STARTS; start += 1) {
      await page.goto("about:blank");
      await page.goto("/", { waitUntil: "commit" });
      // Usable: the report button is there, and the lists below it.
      const usable = await page.evaluate(
        () =>
          new Promise<number>((resolve) => {
            const look = () => {
              const text = document.body?.innerText ?? "";
              if (text.includes("拍照报告问题") && text.includes("我首问的事")) resolve(performance.now());
              else requestAnimationFrame(look);
            };
            look();
          }),
      );
      times.push(usable);
    }
    figures[`offline_cold_start_ms_at_${THROTTLE}x_median`] = percentile(times, 0.5);
  });

  await keep(figures);
  expect(phone.errors).toEqual([]);
});

/** Prints figures, and keeps them beside those of the other tests. */
async function keep(figures: Record<string, number>): Promise<void> {
  const rows = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toFixed(1))]));
  console.table(rows);
  const path = join(ROOT, "end2end/artefacts/figures.json");
  await mkdir(join(ROOT, "end2end/artefacts"), { recursive: true });
  const others = await readFile(path, "utf8").then(JSON.parse, () => ({}));
  await writeFile(path, `${JSON.stringify({ ...others, ...rows }, null, 2)}\n`);
}

/** What is watched in the page while labels are scanned, in milliseconds. */
interface Watched {
  /** From the scanner's answer until the sheet is gone, which it is once the tick is saved and shown. */
  ticks: number[];
  /** The page's own part in looking at a picture: taking it, and reading its pixels. */
  page: number[];
  /** From a question to the scanner until its answer. */
  scanner: number[];
}

/** Watches from the next start of the app on. */
function watchScans(): void {
  const watched: Watched = { ticks: [], page: [], scanner: [] };
  Object.assign(window, { watched });
  const { drawImage, getImageData } = CanvasRenderingContext2D.prototype;
  let drawn = 0;
  CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...given: never[]) {
    drawn = performance.now();
    Reflect.apply(drawImage, this, given);
  };
  CanvasRenderingContext2D.prototype.getImageData = function (...given) {
    const data = Reflect.apply(getImageData, this, given);
    watched.page.push(performance.now() - drawn);
    return data;
  };
  let saving = false;
  const Native = window.Worker;
  window.Worker = class extends Native {
    #asked = 0;

    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener("message", ({ data }) => {
        const answered = performance.now();
        watched.scanner.push(answered - this.#asked);
        const open = () => document.querySelector("dialog[open]") !== null;
        // The label stays in the picture: what is read of it while it is being saved, or after, ticks nothing.
        if (!data.text || saving || !open()) return;
        saving = true;
        const look = () => {
          if (open()) {
            requestAnimationFrame(look);
            return;
          }
          saving = false;
          watched.ticks.push(performance.now() - answered);
        };
        requestAnimationFrame(look);
      });
    }

    override postMessage(...given: unknown[]): void {
      this.#asked = performance.now();
      Reflect.apply(super.postMessage, this, given);
    }
  };
}

/** Decodes what the camera sees, as often as wanted, on the page's own thread: the one that can be slowed down. */
function decodeOnThePage(frames: number): Promise<{ text: string | undefined; times: number[] }> {
  const decode = async () => {
    const scanner = document.querySelector<HTMLMetaElement>("meta[name=scanner]")?.content ?? "";
    const source = await (await fetch(scanner)).text();
    const [glue, wasm] = [/from "([^"]+)"/, /module_or_path: "([^"]+)"/].map((address) => address.exec(source)?.[1]);
    const decoder = await import(glue ?? "");
    await decoder.default({ module_or_path: wasm });
    const video = document.createElement("video");
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    video.srcObject = stream;
    await video.play();
    const canvas = new OffscreenCanvas(480, 480);
    const context = canvas.getContext("2d");
    context?.drawImage(video, (video.videoWidth - 480) / 2, (video.videoHeight - 480) / 2, 480, 480, 0, 0, 480, 480);
    const pixels = new Uint8Array(context?.getImageData(0, 0, 480, 480).data.buffer ?? new ArrayBuffer());
    for (const track of stream.getTracks()) track.stop();
    const times: number[] = [];
    let text: string | undefined;
    for (let frame = 0; frame < frames; frame += 1) {
      const begun = performance.now();
      text = decoder.decode(480, pixels);
      times.push(performance.now() - begun);
    }
    return { text, times };
  };
  return decode();
}

test("figures: a tick after its scan, the decoder's time per picture", { tag: "@phone" }, async ({ server, device, scanner }) => {
  test.setTimeout(300_000);
  const begun = await rounds.plan(server, rounds.STOPS, 240);
  const { phone, camera } = await scanner();
  const { page } = phone;
  const supervisor = (await device()).page;
  await people.signIn(supervisor, people.SUPERVISOR);
  const label = await labels.printed(supervisor, rounds.SITE);
  await phone.context.addInitScript(watchScans);
  await people.signIn(page, people.GUARD);
  await people.shellIsKept(page);
  await begun();
  await phone.goOffline();
  await rounds.open(page);
  const figures: Record<string, number> = {};
  const cdp = await phone.context.newCDPSession(page);

  for (const rate of [1, THROTTLE]) {
    await test.step(`from the scanner's answer to a tick that is saved and shown, ${rate}x as slow`, async () => {
      await cdp.send("Emulation.setCPUThrottlingRate", { rate });
      await camera.see(label("G-GATE1").code);
      const watched = () => page.evaluate(() => (window as unknown as { watched: Watched }).watched);
      const before = await watched();
      for (let tick = 1; tick <= TICKS; tick += 1) {
        const sheet = await rounds.prove(page);
        await expect(sheet).toBeHidden();
        await expect.poll(async () => (await watched()).ticks.length).toBe(before.ticks.length + tick);
      }
      const after = await watched();
      const of = (what: keyof Watched) => after[what].slice(before[what].length);
      figures[`tick_saved_ms_at_${rate}x_p50`] = percentile(of("ticks"), 0.5);
      figures[`tick_saved_ms_at_${rate}x_p95`] = percentile(of("ticks"), 0.95);
      figures[`page_ms_per_picture_at_${rate}x_p95`] = percentile(of("page"), 0.95);
      // A worker is not slowed down with its page.
      figures[`scanner_answers_ms_at_${rate}x_p50`] = percentile(of("scanner"), 0.5);
    });
  }

  await test.step("the decoder, with a label before it and with none", async () => {
    for (const [name, code] of [["label", label("G-GATE1").code], ["wall", undefined]] as const) {
      await camera.see(code);
      for (const rate of [1, THROTTLE]) {
        await cdp.send("Emulation.setCPUThrottlingRate", { rate });
        const { text, times } = await page.evaluate(decodeOnThePage, FRAMES);
        // What is measured is what it does.
        expect(text !== undefined).toBe(code !== undefined);
        figures[`decoder_ms_per_${name}_at_${rate}x_p50`] = percentile(times, 0.5);
        figures[`decoder_ms_per_${name}_at_${rate}x_p95`] = percentile(times, 0.95);
      }
    }
    let bytes = 0;
    const assets = join(SITE, "assets");
    for (const name of await readdir(assets, { recursive: true })) {
      if (/(^|\/)(scanner|decoder)[^/]*\.br$/.test(name)) bytes += (await stat(join(assets, name))).size;
    }
    expect(bytes).toBeGreaterThan(0);
    figures["decoder_kb_in_brotli"] = bytes / 1024;
  });

  await test.step("what a stop costs in reach of the network", async () => {
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
    await phone.goOnline();
    const unsent = page.getByText(/\d+ 条存在手机/);
    await expect(unsent).toBeHidden();
    const before = phone.asked.length;
    await rounds.tickByCode(page, label("B1-1-LOBBY"));
    await rounds.answer(page, "门禁正常", "是");
    await rounds.answer(page, "照明正常", "是");
    await expect(rounds.stop(page, "消防通道 A")).toHaveAttribute("aria-expanded", "true");
    await expect(unsent).toBeHidden();
    figures["requests_per_stop_of_two_items"] = phone.asked.length - before;
  });

  await keep(figures);
  expect(phone.errors).toEqual([]);
});
