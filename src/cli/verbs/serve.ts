/** `loam serve`: a version over HTTP, with the console's page. Stops in order on Ctrl-C and SIGTERM: answers under way are finished. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App, createApp, type Engine, Engines, type Listening, listen } from "../../serve/index.ts";
import { numberOption, textOption } from "../options.ts";
import { ownPackage, packageFolder } from "../package.ts";
import { findProject, withProjectStore } from "../project.ts";
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

/** Says that it serves, waits for the signal, and stops in order. */
async function serveUntilStopped(context: Context, app: App, engine: Engine, listening: Listening, page: boolean): Promise<void> {
  const { out, signal } = context;
  await Promise.race([engine.ready, aborted(signal)]);
  if (!signal.aborted) {
    const { id } = engine.model;
    out.line(`  Serving ${id} on ${listening.url}   ${page ? "page: /   " : ""}OpenAI API: /v1   why this answer: loam trace ${id}`);
    if (!page) out.line("  There is no page: console/dist is not built. `npm run build` in Loam's folder builds it.");
    if (!isLoopback(listening.host)) out.warn(`  ${listening.host} can be reached from other machines, and nobody is asked who they are.`);
    out.event("serving", { url: listening.url, model: id });
    await aborted(signal);
  }
  const { inFlight } = app;
  if (inFlight > 0) out.warn(`Stopping: ${inFlight} ${inFlight === 1 ? "answer is" : "answers are"} finished first. Again to stop now.`);
  const { cutOff } = await listening.drain();
  out.line(cutOff > 0 ? `Stopped; ${cutOff} answers were cut off.` : "Stopped.");
  out.event("stopped", { cutOff });
}

export const serve: VerbRun = async (context, [given], options) => {
  const { out } = context;
  const port = numberOption(options, "port", "serve", { least: 0, most: 65_535, whole: true });
  const project = findProject(folderOf(context, options));
  const { slots, ...place } = project.config.serve ?? { host: "127.0.0.1", port: 8080, slots: 8 };
  const host = textOption(options, "host") ?? place.host;
  const consoleFolder = join(packageFolder, "console", "dist");
  const page = existsSync(join(consoleFolder, "index.html"));
  await withProjectStore(project, async store => {
    const app = createApp({
      engines: new Engines(),
      console: consoleSource(project, store),
      ...(page ? { consoleFolder } : {}),
      version: ownPackage().version,
      hosts: isLoopback(host) ? "loopback" : "any",
      onFailure: (error, id) => out.warn(`loam: request ${id}: ${error instanceof Error ? error.message : String(error)}`),
    });
    // The port first: it is quicker to refuse than a model is to load.
    const listening = await listen(app, { host, port: port ?? place.port });
    try {
      await using opened = await openEngine(project, store, given, slots);
      app.engines.add(opened.engine);
      if (options.open && page) opened.engine.ready.then(() => openPage(listening.url)).catch(() => {});
      await serveUntilStopped(context, app, opened.engine, listening, page);
    } finally {
      await listening.drain({ graceMs: 0 });
    }
  });
};
