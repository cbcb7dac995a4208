/**
 * Which addresses an upstream may have (against server-side request forgery). The addresses that clouds keep for their own metadata, and
 * link-local ones, never; private ones unless an upstream says `network: public`. Looked at when a connection is made, so that a name that
 * changes its address afterwards (DNS rebinding) is caught too.
 */

import { lookup as systemLookup } from "node:dns";
import { BlockList, isIP } from "node:net";
import { UpstreamFailure } from "./failure.ts";
import type { Network } from "./networks.ts";

const list = (ranges: readonly (readonly [string, number])[]): BlockList => {
  const blocked = new BlockList();
  for (const [net, prefix] of ranges) blocked.addSubnet(net, prefix, net.includes(":") ? "ipv6" : "ipv4");
  return blocked;
};

/** Metadata services (AWS, Azure, Google: 169.254.169.254; AWS over IPv6; Alibaba; Oracle), link-local, multicast, "this network". */
const never = list([
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["192.0.0.192", 32],
  ["168.63.129.16", 32],
  ["0.0.0.0", 8],
  ["224.0.0.0", 3],
  ["fe80::", 10],
  ["fd00:ec2::", 32],
  ["ff00::", 8],
  ["::", 128],
]);
/** RFC 6890: loopback, private, carrier-grade NAT, unique local, and IPv6 forms that carry an IPv4 address. */
const notPublic = list([
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["::1", 128],
  ["fc00::", 7],
  ["64:ff9b::", 96],
  ["2002::", 16],
]);

/** `::ffff:7f00:1` and `::ffff:127.0.0.1` are IPv4 addresses. */
function plain(address: string): { readonly ip: string; readonly family: "ipv4" | "ipv6" } | undefined {
  const bare = address.replace(/^\[|\]$/g, "").split("%")[0]!;
  const kind = isIP(bare);
  if (kind === 4) return { ip: bare, family: "ipv4" };
  if (kind !== 6) return undefined;
  const long = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(long);
  if (!mapped) return { ip: long, family: "ipv6" };
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
  return { ip: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`, family: "ipv4" };
}

/** Why an address may not be called; undefined where it may. */
export function refusedAddress(address: string, network: Network): string | undefined {
  const it = plain(address);
  if (!it) return "it is no IP address";
  if (never.check(it.ip, it.family)) return "it is link-local or a cloud's metadata service";
  if (network === "public" && notPublic.check(it.ip, it.family)) return "it is private, and the upstream is `network: public`";
  return undefined;
}

/** Why a URL may not be an upstream's, as far as it can be seen without asking for its name; undefined where it may. */
export function refusedUrl(text: string, network: Network): string | undefined {
  if (!URL.canParse(text)) return "it is no URL";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "only http and https are called";
  if (url.username !== "" || url.password !== "") return "it holds a user or password; credentials belong into `key` or `headers`";
  if (url.search !== "" || url.hash !== "") return "it holds a query or fragment";
  const host = url.hostname;
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) return refusedAddress(host, network);
  if (/^metadata(\.google\.internal)?\.?$/i.test(host)) return "it is a cloud's metadata service";
  return undefined;
}

type Lookup = typeof systemLookup;

/** A resolver for `net.connect` that gives only addresses that may be called. */
export const guardedLookup = (network: Network): Lookup =>
  ((name: string, options: { readonly all?: boolean }, callback: (error: Error | null, ...found: unknown[]) => void) => {
    systemLookup(name, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error);
      const good = addresses.filter(a => refusedAddress(a.address, network) === undefined);
      if (good.length === 0)
        return callback(
          new UpstreamFailure("address", `${name} is ${addresses[0]?.address}: ${refusedAddress(addresses[0]?.address ?? "", network)}`),
        );
      if (options.all === true) callback(null, good);
      else callback(null, good[0]!.address, good[0]!.family);
    });
  }) as Lookup;
