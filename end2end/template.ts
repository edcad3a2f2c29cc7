/**
 * Imports the demo once, into a folder that every test's server starts from as a copy.
 *
 * Importing hashes a password for each person, which would otherwise be most of a short test's time. The demo's routes are
 * left out: at some times of day a round of theirs is on, and a journey has only those that it plans (see `rounds.ts`).
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BINARY, ENVIRONMENT, PASSWORD, ROOT, TEMPLATE } from "./server.ts";

export default async function makeTemplate(): Promise<() => Promise<void>> {
  const template = await mkdtemp(join(tmpdir(), "firsthand-template-"));
  for (const site of ["site-jinzhou.json", "site-wanjing.json"]) {
    const demo = JSON.parse(await readFile(join(ROOT, "demo", site), "utf8"));
    const file = join(template, site);
    await writeFile(file, JSON.stringify({ ...demo, routes: [] }));
    const args = ["import", file, "--data", template, "--demo-password", PASSWORD];
    await promisify(execFile)(BINARY, args, { env: ENVIRONMENT });
    await rm(file);
  }
  // Workers are processes of their own, and inherit the environment.
  process.env[TEMPLATE] = template;
  return () => rm(template, { recursive: true, force: true });
}
