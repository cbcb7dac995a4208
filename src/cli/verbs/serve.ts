/** `loam serve`: a version over HTTP, with the console's page. Stops in order on Ctrl-C and SIGTERM: answers under way are finished. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App, createApp, listen } from "../../serve/index.ts";
import { numberOption, textOption } from "../options.ts";
import { ownPackage, packageFolder } from "../package.ts";
import { findProject } from "../project.ts";
import { consoleSource } from "../serving/console-source.ts";
import { openEngine } from "../serving/open-engine.ts";
import { openPage } from "../serving/open-page.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Resolves when the server has stopped in order. */
async function stopInOrder({ out, signal }: Context, app: App, drain: () => Promise<{ cutOff: number }>): Promise<void> {
  await aborted(signal);
  const { inFlight } = app;
  if (inFlight > 0) out.warn(`Stopping: ${inFlight} ${inFlight === 1 ? "answer is" : "answers are"} finished first. Again to stop now.`);
  const { cutOff } = await drain();
  out.line(cutOff > 0 ? `Stopped; ${cutOff} answers were cut off.` : "Stopped.");
  out.event("stopped", { cutOff });
}

export const serve: VerbRun = async (context, [given], options) => {
  const { out } = context;
  const port = numberOption(options, "port", "serve", { least: 0, most: 65_535, whole: true });
  const project = findProject(folderOf(context, options));
  const { slots, ...place } = project.config.serve ?? { host: "127.0.0.1", port: 8080, slots: 8 };
  const host = textOption(options, "host") ?? place.host;
  await using opened = await openEngine(project, given, slots);
  const { engine, store } = opened;
  const consoleFolder = join(packageFolder, "console", "dist");
  const hasConsole = existsSync(join(consoleFolder, "index.html"));
  const app = createApp({
    engines: [engine],
    console: consoleSource(project, store),
    ...(hasConsole ? { consoleFolder } : {}),
    version: ownPackage().version,
    hosts: isLoopback(host) ? "loopback" : "any",
    onFailure: (error, id) => out.warn(`loam: request ${id}: ${error instanceof Error ? error.message : String(error)}`),
  });
  const listening = await listen(app, { host, port: port ?? place.port });
  try {
    await Promise.race([engine.ready, aborted(context.signal)]);
    if (!context.signal.aborted) {
      const { id } = engine.model;
      const page = hasConsole ? "page: /   " : "";
      out.line(`  Serving ${id} on ${listening.url}   ${page}OpenAI API: /v1   why this answer: loam trace ${id}`);
      if (!hasConsole) out.line("  There is no page: console/dist is not built. `npm run build` in Loam's folder builds it.");
      if (!isLoopback(host)) out.warn(`  ${host} can be reached from other machines, and nobody is asked who they are.`);
      out.event("serving", { url: listening.url, model: id });
      if (options.open && hasConsole) openPage(listening.url);
    }
    await stopInOrder(context, app, () => listening.drain());
  } finally {
    await listening.close().catch(() => {});
  }
};
