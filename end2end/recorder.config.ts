/** How the client of a release is recorded: as the journeys run, once. */
import { PHONE } from "./devices.ts";
import journeys from "./playwright.config.ts";

export default { ...journeys, testDir: "recorder", projects: [{ name: "recorder", use: PHONE }] };
