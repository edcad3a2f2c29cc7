/** Phones are updated when their people agree: this server takes what the clients of earlier releases send. */
import { expect, test } from "../journey.ts";
import { recordings, replay } from "../releases.ts";

test("the clients of every release so far are answered as they were", { tag: "@phone" }, async ({ server }) => {
  const clients = await recordings();
  expect(clients.length).toBeGreaterThan(0);
  for (const [number, client] of clients.entries()) {
    await test.step(client.release, async () => {
      // Each on a server of its own: two releases may have been recorded with the same device.
      if (number > 0) await server.renew();
      expect(await replay(client, server.url)).toEqual([]);
    });
  }
});

test("a request that is refused and a field that is gone are seen", { tag: "@phone" }, async ({ server }) => {
  const [client] = await recordings();
  if (!client) throw new Error("there is no recording");
  const [signIn] = client.exchanges;
  const exchanges = client.exchanges.map((exchange) => (exchange === signIn ? { ...exchange, status: 201 } : exchange));
  const shapes = { ...client.shapes, "GET /api/pull": [...(client.shapes["GET /api/pull"] ?? []), ".weather: string"] };
  expect(await replay({ ...client, exchanges, shapes }, server.url)).toEqual([
    expect.stringContaining("POST /api/session: 200 instead of 201"),
    "GET /api/pull: no .weather: string any more",
  ]);
});
