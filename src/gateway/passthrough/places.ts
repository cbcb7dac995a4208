/** Which addresses are passed through, and to where. A path that servers read in different ways is passed nowhere: what one takes for a name another takes for a way out. */
import { nearest } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import { knownPaths } from "../http/model-addresses.ts";
import type { PassThroughPart } from "./schema.ts";

export interface PassThrough extends Omit<PassThroughPart[string], "model"> {
  /** As a request's path begins: `/v1/audio`. */
  readonly prefix: string;
  readonly to: string;
  readonly model: string | null;
}

/** Of the gateway itself. */
const ownBeginnings = ["/gateway", "/metrics", "/healthz", "/readyz", "/health"];

/** What is below these is not the gateway's: objects by their ids, and what clients keep of them. */
const withObjects = ["/v1/responses", "/v1/chat/completions", "/v1/messages"];

const isBelow = (path: string, prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`);

/** The longest prefixes first. Errors: gateway/config. */
export function passThroughsOf(part: PassThroughPart, upstreams: ReadonlyMap<string, unknown>): PassThrough[] {
  return Object.entries(part)
    .map(([prefix, { to, model = null, ...rest }]): PassThrough => {
      const place = `passThrough.${prefix}`;
      if (ownBeginnings.some(own => isBelow(prefix, own) || isBelow(own, prefix)))
        throw gatewayErrors.fail("config", { place, expected: "an address that is not the gateway's own", received: `"${prefix}"` });
      if (knownPaths.has(prefix) && !withObjects.includes(prefix))
        throw gatewayErrors.fail("config", {
          place,
          expected: "an address that the gateway does not answer itself",
          received: `"${prefix}"`,
          hint: "Leave it out, and name a model of that upstream under models.",
        });
      if (!upstreams.has(rest.upstream)) {
        const near = nearest(rest.upstream, [...upstreams.keys()]);
        throw gatewayErrors.fail("config", {
          place: `${place}.upstream`,
          expected: `an upstream of this file (${[...upstreams.keys()].slice(0, 10).join(", ")})`,
          received: `"${rest.upstream}"`,
          ...(near ? { hint: `Did you mean "${near}"?` } : {}),
        });
      }
      return { ...rest, prefix, model, to: to ?? (isBelow(prefix, "/v1") ? prefix.slice("/v1".length) : prefix) };
    })
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
}

export const passThroughOf = (all: readonly PassThrough[], path: string): PassThrough | undefined => all.find(p => isBelow(path, p.prefix));

/** What a segment of a path may hold as it stands (RFC 3986, pchar); the rest comes percent-encoded. */
const segment = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+$/;

/** Decoding goes on until nothing changes; nobody nests deeper in good faith. */
const mostDecodings = 3;

const refused = (why: string) =>
  gatewayErrors.fail("parameter", { place: "path", message: `the address ${why}`, hint: "Write it as the server's documentation does." });

/** A segment as a server would understand it that decodes as often as it can. Errors: gateway/parameter. */
function plain(raw: string): string {
  if (raw === "") throw refused("has an empty part");
  if (!segment.test(raw)) throw refused("has characters that must be percent-encoded");
  let text = raw;
  for (let i = 0; ; i++) {
    let next: string;
    try {
      next = decodeURIComponent(text);
    } catch {
      throw refused("has broken percent-encoding");
    }
    if (next === text) break;
    if (i === mostDecodings) throw refused("is encoded again and again");
    text = next;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[/\\\u0000-\u001f\u007f?#;]/.test(text)) throw refused("hides a separator in a part");
  if (/^\.+$/.test(text.trim())) throw refused("leads out of its prefix");
  return text;
}

/**
 * The path below an upstream's own address. `known`: addresses that the gateway answers itself; whoever writes one of them in another way (other
 * case, encoded letters) would pass by what is asked of requests for a model. Errors: gateway/parameter, gateway/unknownUrl.
 */
export function targetPath(pass: PassThrough, path: string, known: ReadonlySet<string>): string {
  const parts = path.slice(1).split("/").map(plain);
  const meant = `/${parts.join("/")}`.normalize("NFKC").toLowerCase().trim();
  if (known.has(meant))
    throw gatewayErrors.fail("unknownUrl", {
      place: path.slice(0, 200),
      message: "there is nothing at this address",
      hint: `Did you mean ${meant}?`,
    });
  return `${pass.to}${path.slice(pass.prefix.length)}`;
}
