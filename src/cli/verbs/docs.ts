/** `loam docs`: what an error means and its page; without a topic it serves the documentation's static pages until Ctrl-C; where they are not built, says where the Markdown pages are. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ownFolder } from "../../base/index.ts";
import { serveSite } from "../docs-server.ts";
import { docsTopic } from "../docs-topic.ts";
import { numberOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

const defaultPort = 8070;

export const docs: VerbRun = async ({ out, signal }, [topic], options) => {
  if (topic !== undefined) {
    const found = docsTopic(topic);
    if (found.meaning !== null) out.line(`  ${found.topic}: ${found.meaning}`);
    out.line(`  ${found.page}`);
    return out.result({ event: "result", ...found });
  }
  const port = numberOption(options, "port", "docs", { least: 0, most: 65_535, whole: true }) ?? defaultPort;
  const pages = join(ownFolder(), "docs", "README.md");
  const site = join(ownFolder(), "dist", "site");
  if (options.path === true || !existsSync(join(site, "index.html"))) {
    out.line(`  ${pages}`);
    if (options.path !== true) out.line("  The HTML pages are not built: run `npm run docs -- --site` in Loam's folder.");
    out.result({ pages, site: existsSync(site) ? site : null });
    return;
  }
  const server = await serveSite(site, port);
  out.line(`  Documentation on ${server.url}   Ctrl-C stops`);
  out.event("serving", { url: server.url });
  await new Promise<void>(done => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });
  await server.close();
  out.event("stopped", {});
};
