/**
 * IP addresses: IPv4 of exactly four numbers, IPv6 in every written form of RFC 4291. Told apart: what is routed on the internet, and
 * the special ranges of RFC 6890 with those for documentation. Four numbers after `version` or hanging on a name are a version.
 */
import { code, hangsBefore, isDigit, isHex, isHyphen, isLetter, isWord } from "./chars.ts";
import { hasNear, wordsNear } from "./context.ts";
import { type PrivateScanner, report, type Scan } from "./scan.ts";

const versionWords =
  /(?:\b(?:versions?|ver|v|releases?|rel|build|firmware|driver|kernel|revision|rev|sections?|sect?|chapters?|clause|paragraph|rfc|oid|upgrade[ds]?(?: to)?|protocol)|§)[\s.:#(]*$/i;
const addressWords = wordsNear(
  "ip",
  "ipv4",
  "address",
  "addr",
  "host",
  "server",
  "gateway",
  "dns",
  "from",
  "ping",
  "subnet",
  "route*",
  "login",
  "client",
);

/** IPv4 ranges that are not routed on the internet: first address and prefix length (RFC 6890, 5737, 3068, 2544). */
const special4: readonly [number, number][] = (
  [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.88.99.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 3],
  ] as const
).map(([address, bits]) => [parse4(address)!, bits]);

/** The number of an IPv4 address, undefined where it is none. */
function parse4(s: string): number | undefined {
  const parts = s.split(".");
  if (parts.length !== 4) return undefined;
  let n = 0;
  for (const p of parts) {
    if (p.length < 1 || p.length > 3 || (p.length > 1 && p[0] === "0") || Number(p) > 255) return undefined;
    n = n * 256 + Number(p);
  }
  return n;
}

function isPublic4(address: string): boolean {
  const n = parse4(address);
  return n !== undefined && !special4.some(([first, bits]) => Math.floor(n / 2 ** (32 - bits)) === Math.floor(first / 2 ** (32 - bits)));
}

/** Eight numbers of 16 bits of an IPv6 address (RFC 4291 2.2, with `::` and a dotted tail), undefined where it is none. */
export function parse6(s: string): number[] | undefined {
  const halves = s.split("::");
  if (halves.length > 2) return undefined;
  const read = (half: string): number[] | undefined => {
    const out: number[] = [];
    if (half === "") return out;
    const parts = half.split(":");
    for (const [i, p] of parts.entries()) {
      if (i === parts.length - 1 && p.includes(".")) {
        const n = parse4(p);
        if (n === undefined) return undefined;
        out.push(Math.floor(n / 65536), n % 65536);
      } else if (/^[0-9a-f]{1,4}$/i.test(p)) out.push(Number.parseInt(p, 16));
      else return undefined;
    }
    return out;
  };
  const [a, b] = [read(halves[0]!), halves[1] === undefined ? undefined : read(halves[1])];
  if (!a || (halves.length === 2 && !b)) return undefined;
  if (!b) return a.length === 8 ? a : undefined;
  const gap = 8 - a.length - b.length;
  return gap >= 1 ? [...a, ...new Array<number>(gap).fill(0), ...b] : undefined;
}

/** Global unicast 2000::/3 without documentation (2001:db8::/32, 3fff::/20), ORCHID, benchmarking; a mapped IPv4 counts as that address. */
function isPublic6(address: string): boolean {
  const w = parse6(address);
  if (!w) return false;
  if (w.slice(0, 5).every(x => x === 0) && w[5] === 0xffff) return isPublic4(`${w[6]! >> 8}.${w[6]! & 255}.${w[7]! >> 8}.${w[7]! & 255}`);
  if (w[0]! >> 13 !== 1) return false;
  if (w[0] === 0x2001 && (w[1] === 0xdb8 || w[1]! < 0x200)) return false;
  return !(w[0] === 0x3fff && w[1]! < 0x1000);
}

/** Holds four dotted groups of digits, from `start` to `end`, against the rules. */
export function ipv4(scan: Scan, start: number, end: number): void {
  const { text } = scan;
  scan.steps += end - start + 32;
  const value = text.slice(start, end);
  if (parse4(value) === undefined) return;
  const prev = code(text, start - 1);
  // `openssl-1.0.2.4`, `v1.2.3.4`, `x/1.2.3.4` within a path; but `http://1.2.3.4/` and `[1.2.3.4]` are addresses.
  if (hangsBefore(text, start) && !(prev === 47 && code(text, start - 2) === 47)) return;
  const next = code(text, end);
  if (isWord(next) || next === 95 || (isHyphen(next) && isLetter(code(text, end + 1))) || (next === 46 && isDigit(code(text, end + 1))))
    return;
  const versioned = versionWords.test(text.slice(Math.max(0, start - 24), start)) && !scan.assumeContext;
  // Four single digits are a version more often than an address: those need a word, or a place where only addresses stand.
  const bare = /^(?:\d\.){3}\d$/.test(value) && prev !== 47 && prev !== 64 && prev !== 91 && !hasNear(scan, start, end, addressWords);
  const score = versioned ? 0.2 : bare ? 0.4 : 0.85;
  report(scan, isPublic4(value) ? "ip" : "ipReserved", start, end, score, "v4");
}

/** Looks at a chain of hexadecimal groups and colons, once, from its first colon, and goes on behind it. */
export const ipv6: PrivateScanner = (scan, at) => {
  const { text } = scan;
  const next = code(text, at + 1);
  let start = at;
  while (at - start < 5 && isHex(code(text, start - 1))) start--;
  scan.steps += at - start + 1;
  if (!isHex(next) && next !== 58) return at + 1;
  if (at - start > 4) return at + 1;
  let end = at;
  let colons = 0;
  let done = at + 1;
  // The scan goes on behind the last colon whose group before it was short: nothing else can hide in groups of four.
  for (
    let group = at;
    isHex(code(text, end)) || code(text, end) === 58 || (code(text, end) === 46 && isDigit(code(text, end + 1)));
    end++
  ) {
    if (code(text, end) === 58) {
      colons++;
      done = group = end + 1;
    } else if (code(text, end) === 46) group = end + 1;
    else if (end - group >= 4) return done;
  }
  scan.steps += end - at;
  if (colons < 2 || end - start > 45 || end - start < 3) return done;
  if (code(text, end - 1) === 58 && code(text, end - 2) !== 58) end--;
  const before = code(text, start - 1);
  const after = code(text, end);
  if (isWord(before) || before === 58 || before === 95 || before === 46 || isWord(after) || after === 95) return done;
  const value = text.slice(start, end);
  if (!parse6(value) || value === "::") return done;
  // Names of C++ and Perl are of the same form (`a::b`, `dead::beef`): a digit or a third group tells.
  if (!/\d/.test(value) && value.split(":").length < 4) return done;
  report(scan, isPublic6(value) ? "ip" : "ipReserved", start, end, value.includes("::") && value.length < 6 ? 0.6 : 0.9, "v6");
  return done;
};
