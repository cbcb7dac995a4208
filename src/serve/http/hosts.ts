/**
 * Which names the server answers to. A web page anywhere may point its own name at 127.0.0.1 and then read this server as if it were its own
 * (DNS rebinding); the Host header tells.
 */
import { serveErrors } from "../errors.ts";

/** `loopback`: this machine's own names. `any`: no check, for servers behind a proxy or on a network. */
export type AllowedHosts = "loopback" | "any" | readonly string[];

const loopback = ["localhost", "127.0.0.1", "[::1]"];

/** Pages of other origins may send some bodies without asking leave; a browser then says where they come from. Errors: serve/host. */
export function checkOrigin({ headers, url }: Request): void {
  const origin = headers.get("origin");
  if (origin === null) return;
  if (URL.canParse(origin) && new URL(origin).host === (headers.get("host") ?? new URL(url).host)) return;
  throw serveErrors.fail("host", { place: "origin", expected: "a page of this server", received: JSON.stringify(origin.slice(0, 100)) });
}

/** Errors: serve/host. `host` is the header's value. */
export function checkHost(allowed: AllowedHosts, host: string): void {
  if (allowed === "any") return;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const names = allowed === "loopback" ? loopback : [...loopback, ...allowed];
  if (names.includes(name) || (allowed === "loopback" && /^127\.\d+\.\d+\.\d+$/.test(name))) return;
  throw serveErrors.fail("host", {
    place: "host",
    expected: `one of ${names.join(", ")}`,
    received: JSON.stringify(name.slice(0, 100)),
    hint: "Start the server with this name allowed if it is yours.",
  });
}
