/** A folder of `loam deploy web` behind a server of its own, and a browser that opens it: what it asked for, what it logged, what it generates. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { Browser, Page } from "playwright-core";
import { onTestFinished } from "vitest";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

export interface StaticSite {
  /** Of the folder, with a slash at the end. */
  readonly url: string;
  readonly asked: string[];
  close(): Promise<void>;
}

/** Serves a folder below `/a/sub/path/`, and nothing else. */
export async function serveFolder(folder: string, { isolated = false }: { readonly isolated?: boolean } = {}): Promise<StaticSite> {
  const asked: string[] = [];
  const base = "/a/sub/path/";
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0]!);
    asked.push(path);
    const name = normalize(path.slice(base.length) || "index.html");
    const file = join(folder, name);
    if (!path.startsWith(base) || name.startsWith("..") || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": types[extname(name)] ?? "application/octet-stream", ...(isolated ? isolation : {}) });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>(done => server.close(() => done()));
  };
  onTestFinished(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`, asked, close };
}

export interface Generated {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
}

/** Opens the page, and waits until its own model is ready or it says why not. */
export async function openPage(browser: Browser, url: string): Promise<{ readonly page: Page; readonly problems: string[] }> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", error => problems.push(String(error)));
  page.on("console", message => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(url);
  await page
    .locator("#status")
    .filter({ hasNotText: /^Loading/ })
    .waitFor({ timeout: 300_000 });
  return { page, problems };
}

/** Runs code in the page with `load` of its module; `argument` is plain data. */
export async function inPage<T>(page: Page, argument: unknown, body: string): Promise<T> {
  return page.evaluate(
    `(async () => { const { load } = await import(new URL("loam-web.js", location.href).href); const argument = ${JSON.stringify(argument)}; ${body} })()`,
  ) as Promise<T>;
}

/** Greedy tokens of several prompts. */
export const greedyInPage = (page: Page, prompts: readonly unknown[], maxTokens: number): Promise<Generated[]> =>
  inPage(
    page,
    { prompts, maxTokens },
    `const model = globalThis.model ??= await load();
    const all = [];
    for (const prompt of argument.prompts) {
      const tokens = [];
      for await (const token of model.generateTokens(prompt, { temperature: 0, maxTokens: argument.maxTokens })) tokens.push(token);
      all.push({ prompt: model.promptTokens(prompt), tokens });
    }
    return all;`,
  );
