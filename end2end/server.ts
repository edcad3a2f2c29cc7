/**
 * A server for each test: a process of its own on a free port, with a copy of the two demo properties.
 *
 * It can be stopped gracefully, killed, started again on the same port with the same data, and given a new
 * build of the site. The binary and the site are those in `target`, which `cargo xtask build` makes.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The folder of the checkout. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The server's program. */
export const BINARY = process.env.END2END_SERVER ?? join(ROOT, "target/debug/firsthand");

/** The built site, which is never written to. */
export const SITE = process.env.END2END_SITE ?? join(ROOT, "target/site");

/** The password of everybody in the demo. */
export const PASSWORD = "firsthand-demo";

/** The environment variable that names the folder with the imported demo. */
export const TEMPLATE = "END2END_TEMPLATE";

/** The environment without what would set the server up differently, such as another database. */
export const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(FIRSTHAND_.*|DATABASE_URL|FILES_URL|RUST_LOG)$/.test(name)),
);

/** How long a start may take before the test fails. */
const START_MS = 20_000;

export class Server {
  /** Where browsers find it; stays the same over restarts, as a service worker needs it. */
  readonly url: string;
  /** The folder with its database and files. */
  readonly data: string;
  /** Its own copy of the site. */
  readonly site: string;

  /** The port that it listens on. */
  readonly port: number;

  readonly #folder: string;
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.url = `http://localhost:${port}`;
    this.data = join(folder, "data");
    this.site = join(folder, "site");
  }

  /** A server that is listening, with the demo imported. */
  static async start(): Promise<Server> {
    const template = process.env[TEMPLATE];
    if (!template) throw new Error(`${TEMPLATE} is not set: the global setup did not run`);
    const folder = await mkdtemp(join(tmpdir(), "firsthand-end2end-"));
    const server = new Server(folder, await freePort());
    await cp(template, server.data, { recursive: true });
    await cp(SITE, server.site, { recursive: true });
    await server.start();
    return server;
  }

  /** Starts it again with nothing in it but the demo. */
  async renew(): Promise<void> {
    await this.kill();
    await rm(this.data, { recursive: true });
    await cp(process.env[TEMPLATE] ?? "", this.data, { recursive: true });
    await this.start();
  }

  /** Starts it again with the data it has. */
  async start(): Promise<void> {
    const listen = `127.0.0.1:${this.port}`;
    const args = ["serve", "--listen", listen, "--data", this.data, "--site-dir", this.site];
    const child = spawn(BINARY, args, { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    }
    child.on("error", (error) => (this.#log += `${BINARY}: ${error.message}\n`));
    this.#process = child;

    for (const deadline = Date.now() + START_MS; Date.now() < deadline; await sleep(50)) {
      if (!isRunning(child)) break;
      const ready = await fetch(`http://${listen}/readyz`).catch(() => undefined);
      if (ready?.ok) return;
    }
    await this.kill();
    throw new Error(`the server did not start:\n${this.#log}`);
  }

  /** Asks it to end, and waits until it has. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Ends it as a power cut would: nothing that it meant to do later is done. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Ends it and starts it again with the same data. */
  async restart(how: "stop" | "kill" = "stop"): Promise<void> {
    await this[how]();
    await this.start();
  }

  /**
   * Puts a new build of the site in place, as a deployment does: the same app under another id.
   *
   * Returns the new id.
   */
  async deploy(): Promise<string> {
    const index = await readFile(join(this.site, "index.html"), "utf8");
    const old = /<meta name="build" content="(\w+)">/.exec(index)?.[1];
    if (!old) throw new Error("index.html does not name its build");
    const build = old.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    for (const name of ["index.html", "sw.js"]) {
      const path = join(this.site, name);
      const text = await readFile(path, "utf8");
      await writeFile(path, text.replaceAll(old, build));
      // Compressed beforehand, they would still be those of the old build.
      for (const compressed of [`${path}.br`, `${path}.gz`]) await rm(compressed, { force: true });
    }
    await this.restart();
    return build;
  }

  /** Imports a site's file again while it stands still, as an administrator does after changing it. */
  async import(site: unknown): Promise<void> {
    const file = join(this.#folder, "site.json");
    await writeFile(file, JSON.stringify(site));
    await this.stop();
    await promisify(execFile)(BINARY, ["import", file, "--data", this.data], { env: ENVIRONMENT });
    await this.start();
  }

  /**
   * Takes a case out of everybody's feed while it runs, as its own sweep does a month after the case has ended: no month
   * passes in a journey.
   */
  async leaveFeed(id: string): Promise<void> {
    await this.#sql("update feed set gone = 1 where doc = ?", `case:${id}`);
  }

  /** The link of the label that hangs at a place: what its code says, and a tag, but no page in letters. */
  async labelOf(place: string): Promise<string> {
    return `/c/${await this.#sql("select token from labels where place = ? and replaced is null", place)}`;
  }

  /** Runs a statement with a value; answers with the first column of its first row. Node cannot by itself, Python can. */
  async #sql(statement: string, value: string): Promise<string> {
    const script = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=10)
row = database.execute(sys.argv[2], (sys.argv[3],)).fetchone()
database.commit()
print(row[0] if row else "")
`;
    const asked = [join(this.data, "firsthand.db"), statement, value];
    const { stdout } = await promisify(execFile)("python3", ["-c", script, ...asked]);
    return stdout.trim();
  }

  /** What it has written to its log so far. */
  get log(): string {
    return this.#log;
  }

  /** Ends it and removes everything that it wrote. */
  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || !isRunning(child)) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
