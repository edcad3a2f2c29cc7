/**
 * A camera for a browser, with something before it: Chromium plays a file as the picture of its camera, and opens it anew
 * each time the camera is switched on.
 *
 * A label is shown as it is met: turned a little, seen at an angle, on grey paper, in uneven light, with the noise of a
 * small lens.
 */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Code } from "./labels.ts";

const WIDTH = 640;
const HEIGHT = 480;
/** The side of a code in the picture, with the white around it, in pixels. */
const SIDE = 330;
/** How far it is turned, in radians, and how much nearer its right edge is. */
const TURN = 0.12;
const TILT = 0.0004;
/** The brightness of what is behind the label, of its paper and of its ink. */
const [WALL, PAPER, INK] = [90, 205, 45];
const NOISE = 14;

export class Camera {
  /** What the browser is to be told, by `--use-file-for-fake-video-capture`. */
  readonly file: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.file = join(folder, "camera.y4m");
  }

  /** A camera that sees a bare wall. */
  static async make(): Promise<Camera> {
    const camera = new Camera(await mkdtemp(join(tmpdir(), "firsthand-camera-")));
    await camera.see(undefined);
    return camera;
  }

  /** Puts a code, or nothing, before it, for when it is switched on next. */
  async see(code: Code | undefined): Promise<void> {
    // A camera that is on goes on with the file that it has.
    const fresh = join(this.#folder, "next.y4m");
    await writeFile(fresh, clip(luma(code)));
    await rename(fresh, this.file);
  }

  async dispose(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A film of one picture in shades of grey, which is played again and again. */
function clip(shades: Uint8Array): Buffer {
  const colours = new Uint8Array((WIDTH * HEIGHT) / 2).fill(128);
  return Buffer.concat([
    Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n`),
    shades,
    colours,
  ]);
}

function luma(code: Code | undefined): Uint8Array {
  const shades = new Uint8Array(WIDTH * HEIGHT);
  const [sin, cos] = [Math.sin(TURN), Math.cos(TURN)];
  /** What is at a point of the picture. */
  const shade = (left: number, top: number) => {
    const near = 1 + TILT * left;
    const [x, y] = [(left * cos + top * sin) / near, (top * cos - left * sin) / near];
    const [u, v] = [x / SIDE + 0.5, y / SIDE + 0.5];
    if (!code || u < 0 || u >= 1 || v < 0 || v >= 1) return WALL;
    return code.dark(Math.floor(u * code.side), Math.floor(v * code.side)) ? INK : PAPER;
  };
  // The same noise in every run.
  let seed = 1;
  const noise = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  for (let top = 0; top < HEIGHT; top += 1) {
    for (let left = 0; left < WIDTH; left += 1) {
      const [x, y] = [left - WIDTH / 2, top - HEIGHT / 2];
      // Between two modules a pixel has a part of each.
      const parts = shade(x, y) + shade(x + 0.5, y) + shade(x, y + 0.5) + shade(x + 0.5, y + 0.5);
      const light = 1 - 0.25 * (left / WIDTH);
      shades[top * WIDTH + left] = Math.max(16, Math.min(235, (parts / 4) * light + NOISE * noise()));
    }
  }
  return shades;
}
