// Starts the app: the chosen theme before the first paint, then the glue and the wasm, then the service worker.
//
// How an update is taken over. When a new service worker waits, the window gets the event `firsthand-update`, and
// the app offers the update when no form is dirty. If the person accepts, the app posts `{ type: "take-over" }` to the
// waiting worker, which answers `{ type: "accepted" }` to that one window before it takes over. Only a window that got
// this answer reloads: another one, perhaps with a half-written report in it, goes on with the build it has.

const root = document.documentElement;

// The app keeps the theme as a JSON string: "day", "night" or "auto", which is the system's wish.
try {
  const theme = JSON.parse(localStorage.getItem("theme"));
  if (theme === "day" || theme === "night") root.dataset.theme = theme;
} catch {
  // No storage, or not JSON: the system's wish holds.
}

// The bar of the system follows the theme, also when the app changes it later.
const bars = [...document.querySelectorAll('meta[name="theme-color"]')].map((meta) => ({ meta, system: meta.content }));
const colours = { day: "#ffffff", night: "#121a18" };
const colourBars = () => {
  for (const { meta, system } of bars) meta.content = colours[root.dataset.theme] ?? system;
};
colourBars();
new MutationObserver(colourBars).observe(root, { attributeFilter: ["data-theme"] });

const watchForUpdates = async () => {
  const container = navigator.serviceWorker;
  if (!container) return; // Not a secure origin: the app works, but needs the network to start.

  let accepted = false;
  let taken = false;
  const reloadOnce = () => {
    if (accepted && taken) {
      accepted = false;
      location.reload();
    }
  };
  container.addEventListener("message", ({ data }) => {
    if (data?.type === "accepted") accepted = true;
    reloadOnce();
  });
  container.addEventListener("controllerchange", () => {
    taken = true;
    reloadOnce();
  });

  const registration = await container.register("/sw.js", { updateViaCache: "none" });
  // A worker that waits although nobody controls this page is the first one, on its way to become active.
  const announce = () => {
    if (registration.waiting && container.controller) window.dispatchEvent(new CustomEvent("firsthand-update"));
  };
  const follow = (worker) => worker?.addEventListener("statechange", announce);
  follow(registration.installing);
  registration.addEventListener("updatefound", () => follow(registration.installing));
  announce();
  // An installed app stays open for days; coming back to it is the moment to look.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") registration.update().catch(() => {});
  });
};

const start = async () => {
  const { default: init } = await import("{{app.js}}");
  await init({ module_or_path: "{{app.wasm}}" });
  document.getElementById("splash").remove();
};

start().then(
  () => watchForUpdates().catch((error) => console.warn("no service worker:", error)),
  (error) => {
    console.error(error);
    document.getElementById("splash-wait").hidden = true;
    document.getElementById("splash-failed").hidden = false;
  },
);
