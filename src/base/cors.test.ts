import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { answerCors, corsOrigin, corsRules } from "./index.ts";

async function server(origins: readonly string[]): Promise<string> {
  const rules = corsRules(origins);
  const made = createServer((incoming, outgoing) => {
    if (!answerCors(rules, incoming, outgoing)) outgoing.writeHead(200, ["content-type", "text/plain"]).end("answered");
  });
  onTestFinished(() => void made.close().closeAllConnections());
  await once(made.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}
const ask = async (url: string, origin: string, init: RequestInit = {}) => {
  const response = await fetch(url, { ...init, headers: { origin, ...init.headers } });
  return { status: response.status, text: await response.text(), headers: response.headers };
};
const preflight = {
  method: "OPTIONS",
  headers: { "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" },
};

test("a preflight request is answered for origins that may call, and names nothing for others", async () => {
  const url = await server(["https://app.example.com"]);
  const allowed = await ask(url, "https://app.example.com", preflight);
  expect([allowed.status, allowed.text]).toEqual([200, ""]);
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    "access-control-allow-origin": "https://app.example.com",
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": "authorization,content-type",
    vary: "origin",
  });
  for (const origin of ["https://app.example.com:8443", "http://app.example.com", "https://evil.example", "null"]) {
    const { status, text, headers } = await ask(url, origin, preflight);
    expect([status, text, headers.get("access-control-allow-origin")]).toEqual([200, "", null]);
  }
});

test("no answer allows cookies, whatever the rules", async () => {
  for (const origins of [["*"], ["localhost"], ["http://localhost:3000"]])
    for (const init of [preflight, {}]) {
      const { headers } = await ask(await server(origins), "http://localhost:3000", init);
      expect(headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
      expect(headers.has("access-control-allow-credentials")).toBe(false);
    }
});

test("a request goes on to the application, with headers for the page that it comes from and none for others", async () => {
  const url = await server(["localhost"]);
  for (const [origin, allowed] of [
    ["http://localhost", true],
    ["http://localhost:8080", true],
    ["http://127.0.0.1:3000", true],
    ["http://[::1]:3000", true],
    ["http://notlocalhost", false],
    ["http://localhost.evil.com", false],
    ["file://localhost", false],
    ["null", false],
  ] as const) {
    const { status, text, headers } = await ask(url, origin);
    expect([origin, status, text, headers.get("access-control-allow-origin")]).toEqual([origin, 200, "answered", allowed ? origin : null]);
    expect(headers.get("content-type")).toBe("text/plain");
  }
  // OPTIONS that asks nothing, and whoever is no page
  expect((await ask(url, "http://localhost", { method: "OPTIONS" })).text).toBe("answered");
  expect((await fetch(url)).headers.has("vary")).toBe(false);
});

test("a page of the internet may call a server of this machine where the browser asks for that by itself", async () => {
  const asked = { ...preflight, headers: { ...preflight.headers, "access-control-request-private-network": "true" } };
  const { headers } = await ask(await server(["https://app.example.com"]), "https://app.example.com", asked);
  expect(headers.get("access-control-allow-private-network")).toBe("true");
});

test("an origin has no path, and is written as browsers send it", () => {
  for (const good of ["*", "localhost", "https://app.example.com", "http://localhost:3000", "http://[::1]:3000"])
    expect(corsOrigin.safeParse(good).success, good).toBe(true);
  for (const bad of [
    "",
    "app.example.com",
    "https://app.example.com/",
    "https://APP.example.com",
    "https://app.example.com:443",
    "null",
    "https://*.example.com",
  ])
    expect(corsOrigin.safeParse(bad).success, bad).toBe(false);
});
