/** Web pages of other origins that ask a server and a gateway for answers, in a real browser. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { chromiumArguments, findChromium } from "../console/dev/chromium.ts";
import { openProject } from "../src/project/index.ts";
import { trainedToy } from "./support/project.ts";

const found = findChromium();
const why = found ? "" : " (skipped: no Chromium in PATH, at /usr/bin/chromium or named by LOAM_CHROMIUM)";

const gateway = `gateway:
  demoKey: demo
  access:
    principals: { serviceAccounts: { demo: {} } }
    policies: [{ id: demo, effect: allow, who: { subjects: [demo] }, endpoints: [completions, chat, models] }]
`;

/** A page of an origin of its own, in a browser. */
async function page() {
  const pages = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>app</title>"));
  onTestFinished(() => void pages.close().closeAllConnections());
  await once(pages.listen(0, "127.0.0.1"), "listening");
  const browser = await chromium.launch({ executablePath: found!, args: chromiumArguments });
  onTestFinished(() => browser.close());
  const opened = await (await browser.newContext()).newPage();
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  await opened.goto(origin);
  return { opened, origin };
}

test.skipIf(!found)(`a page of another origin may ask a server and a gateway that name it, and no others${why}`, async () => {
  const { opened, origin } = await page();
  for (const more of ["", gateway])
    for (const corsOrigins of [[origin], ["localhost"], ["https://app.example.com"], []]) {
      await using project = await openProject(await trainedToy({ more }));
      await using server = await project.serve({ port: 0, corsOrigins });
      const key = /Bearer ([^"' ]+)/.exec(server.serving.demoRequest ?? "")?.[1] ?? "none";
      const ask = (path: string, body: object) =>
        opened.evaluate(`fetch("${server.url}${path}", { method: "POST", body: ${JSON.stringify(JSON.stringify(body))},
          headers: { "content-type": "application/json", authorization: "Bearer ${key}" } })
          .then(async r => r.status + " " + r.headers.get("x-request-id")?.slice(0, 4) + " " + (await r.text()).slice(-14).trim(), () => "refused")`);
      const isAllowed = corsOrigins[0] === origin || corsOrigins[0] === "localhost";
      const asked = { model: "toy", prompt: "a", max_tokens: 2, stream: true };
      expect(await ask("/v1/completions", asked), `${corsOrigins}`).toMatch(isAllowed ? /^200 req[-_] data: \[DONE\]$/ : /^refused$/);
      // Ollama's clients in pages
      expect(await ask("/api/show", { model: "toy" }), `${corsOrigins}`).toMatch(isAllowed ? /^[24]0/ : /^refused$/);
      // what changes the server wants its own pages and their login
      expect(await ask("/v1/admin/unload", { name: "toy", version: 1 })).toMatch(isAllowed ? /^40[134] / : /^refused$/);
    }
});

test("an origin with a path, and any origin where everybody administers, are refused at the start", async () => {
  await using project = await openProject(await trainedToy());
  await expect(project.serve({ port: 0, corsOrigins: ["https://app.example.com/"] })).rejects.toThrow(/without a path/);
  await expect(project.serve({ port: 0, corsOrigins: ["*"], admin: true })).rejects.toThrow(/origins by name/);
});
