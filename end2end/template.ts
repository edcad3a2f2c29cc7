/**
 * Imports the demo once, into a folder that every test's server starts from as a copy.
 *
 * Importing hashes a password for each person, which would otherwise be most of a short test's time.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BINARY, ENVIRONMENT, PASSWORD, ROOT, TEMPLATE } from "./server.ts";

export default async function makeTemplate(): Promise<() => Promise<void>> {
  const template = await mkdtemp(join(tmpdir(), "firsthand-template-"));
  for (const site of ["site-jinzhou.json", "site-wanjing.json"]) {
    const file = join(ROOT, "demo", site);
    const args = ["import", file, "--data", template, "--demo-password", PASSWORD];
    await promisify(execFile)(BINARY, args, { env: ENVIRONMENT });
  }
  // Workers are processes of their own, and inherit the environment.
  process.env[TEMPLATE] = template;
  return () => rm(template, { recursive: true, force: true });
}
