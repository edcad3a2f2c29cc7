/**
 * The line of one device to the server, which can be cut.
 *
 * Telling the browser to be offline is not enough: the emulation begins anew with each renderer process, and a request
 * that the app makes in its first moments slips through. So a device reaches the server through a port of its own,
 * where nobody listens while the line is cut.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #asked: string[] = [];
  #port = 0;

  /** A line to the server that listens on a port of this machine. */
  static async to(target: number): Promise<Line> {
    const line = new Line(target);
    await line.mend();
    return line;
  }

  private constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, "127.0.0.1");
      // Each request begins a piece of its own: nobody sends the next one before the answer.
      near.on("data", (piece) => {
        const path = /^[A-Z]+ (\S+) HTTP/.exec(piece.toString("latin1", 0, 1_000))?.[1];
        if (path) this.#asked.push(path);
      });
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  /** What the device has asked of the server so far, page and service worker alike: what its caches had is not in it. */
  get asked(): readonly string[] {
    return this.#asked;
  }

  /** The address of the server as this device knows it; the same after the line was cut and mended. */
  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** Nothing comes through any more, and what was on its way is lost. */
  async cut(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Everything comes through again. */
  async mend(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    // A connection that breaks is what a line is for; its other end is closed by the event above.
    from.on("error", () => {});
    from.pipe(to);
  }
}
