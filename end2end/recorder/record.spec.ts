/**
 * Records the client of this release: `npm run record`, after `cargo xtask build`. See `releases.ts`.
 *
 * One case by three devices, so that the wire is used as widely as a day does it: signing in, pulls from the beginning and
 * from a cursor, pushes of a guard, the desk and a technician, thumbnails and photos both ways, a round, the list of sessions.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PHONE, TABLET } from "../devices.ts";
import { expect, test } from "../journey.ts";
import * as labels from "../labels.ts";
import * as people from "../people.ts";
import { rung, story } from "../people.ts";
import { CLIENTS, Recorder } from "../releases.ts";
import * as rounds from "../rounds.ts";
import { ROOT } from "../server.ts";

test("the client of this release", async ({ server, device }) => {
  const begun = await rounds.plan(server, rounds.STOPS.slice(0, 1), 240);
  const supervisor = (await device(TABLET)).page;
  await people.signIn(supervisor, people.SUPERVISOR);
  const label = await labels.printed(supervisor, rounds.SITE);
  const recorder = new Recorder();
  const [phone, office, van] = [await device(PHONE), await device(TABLET), await device(PHONE)];
  await recorder.follow(phone.context, "guard");
  await recorder.follow(office.context, "desk");
  await recorder.follow(van.context, "technician");
  const [guard, desk, technician] = [phone.page, office.page, van.page];

  await people.signIn(guard, people.GUARD);
  // The smallest picture there is: a recording stays with the sources for ever.
  const photo = "../../public/icons/apple-touch-icon.png";
  await people.write(guard, { photo, category: "漏水", place: ["5大堂", /^大堂/], text: "天花板滴水" });
  await people.send(guard);
  await expect(rung(guard, "照片 1 / 1 已核对")).toBeVisible();

  await people.signIn(desk, people.DESK);
  const open = await people.openCard(desk, /漏水/);
  await people.dispatch(open, people.TECHNICIAN);
  await expect(open.getByRole("button", { name: "改派" })).toBeVisible();

  await people.signIn(technician, people.TECHNICIAN);
  await technician.getByRole("link", { name: "派单" }).click();
  await technician.getByRole("button", { name: /^接单: / }).click();
  await technician.getByRole("button", { name: /^到场: / }).click();
  await technician.getByRole("button", { name: /^完成: / }).click();
  const form = technician.getByRole("dialog", { name: "完成" });
  await form.getByLabel("做了什么").fill("换了软管");
  await form.getByRole("button", { name: "处理完成" }).click();
  await expect(technician.getByText("今天完成")).toBeVisible();
  await expect(story(open).filter({ hasText: "换了软管" })).toHaveCount(1);
  await expect(rung(guard, "处理完成")).toBeVisible();

  await begun();
  await guard.goto("/");
  await rounds.open(guard);
  await rounds.tickByCode(guard, label("G-GATE1"));
  await rounds.answer(guard, "岗亭无异常", "是");
  await expect(guard.getByText("1 / 1")).toBeVisible();
  await expect(guard.getByText(/\d+ 条存在手机/)).toBeHidden();

  await guard.getByRole("button", { name: "返回" }).click();
  await guard.getByRole("link", { name: "我", exact: true }).click();
  await guard.getByRole("button", { name: "看看在哪里登录过" }).click();
  await expect(guard.getByText("本机")).toBeVisible();

  const manifest = await readFile(join(ROOT, "Cargo.toml"), "utf8");
  const release = /^version = "(.+)"$/m.exec(manifest)?.[1];
  if (!release) throw new Error("Cargo.toml names no version");
  const recording = recorder.recording(release);
  await writeFile(join(CLIENTS, `${release}.json`), `${JSON.stringify(recording, null, 1)}\n`);
});
