/** The service workers of a device and its room, by the browser's own protocol: what no page can do. */
import type { BrowserContext, CDPSession, Page } from "@playwright/test";

export class Workers {
  readonly page: Page;
  readonly #cdp: CDPSession;
  readonly #registration: string;

  private constructor(page: Page, cdp: CDPSession, registration: string) {
    this.page = page;
    this.#cdp = cdp;
    this.#registration = registration;
  }

  /** Speaks to the browser through an empty page, so that the app's own may be closed. */
  static async of(context: BrowserContext): Promise<Workers> {
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    const registration = new Promise<string>((resolve) => {
      cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const [first] = registrations.filter(({ isDeleted }) => !isDeleted);
        if (first) resolve(first.registrationId);
      });
    });
    await cdp.send("ServiceWorker.enable");
    return new Workers(page, cdp, await registration);
  }

  /** Calls the service worker for the outbox, as the browser does once there is a network. */
  async sync(origin: string, lastChance = false): Promise<void> {
    const event = { origin, registrationId: this.#registration, tag: "outbox", lastChance };
    await this.#cdp.send("ServiceWorker.dispatchSyncEvent", event);
  }
}

/** What the browser has been asked to call the service worker for. */
export function calledFor(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    // TypeScript's library does not know Background Sync.
    return (registration as unknown as { sync: { getTags(): Promise<string[]> } }).sync.getTags();
  });
}
