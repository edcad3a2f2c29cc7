/**
 * How the journeys run: in the system's Chromium, once as a phone and once as a tablet. The figures are a project of their
 * own, to be measured when nothing else runs.
 *
 * Each test gets a server of its own (see `server.ts`), so neither their order matters nor what runs beside them.
 */
import { defineConfig } from "@playwright/test";
import { PHONE, TABLET } from "./devices.ts";

const FIGURES = "figures.spec.ts";

export default defineConfig({
  testDir: "journeys",
  globalSetup: "./template.ts",
  outputDir: "artefacts/results",
  reporter: [["list"], ["html", { outputFolder: "artefacts/report", open: "never" }]],
  // A journey waits for its page more than it works, and one of rounds for the next minute: three of them fill two cores.
  workers: 3,
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  use: {
    actionTimeout: 30_000,
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    colorScheme: "light",
    serviceWorkers: "allow",
    screenshot: "only-on-failure",
    // A film of every page takes as much of the machine as the pages do, and slows what the figures measure; the steps keep
    // their screenshots anyway.
    trace: process.env.END2END_TRACE ? "on" : "off",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-default-browser-check",
        "--no-first-run",
        // A camera and a microphone that answer without asking.
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
      ],
    },
  },
  // A journey with several people has phones and tablets of its own, and runs once: its tag says where it belongs.
  projects: [
    { name: "phone", use: PHONE, grepInvert: /@tablet/, testIgnore: FIGURES },
    { name: "tablet", use: TABLET, grepInvert: /@phone/, testIgnore: FIGURES },
    { name: "figures", use: PHONE, testMatch: FIGURES, workers: 1 },
  ],
});
