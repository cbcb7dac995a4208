/**
 * Keys and tokens by the prefixes that their makers gave them, JSON web tokens and private key blocks. Each prefix is looked for at its
 * rarest character, so that plain text hardly ever stops the scan. What says EXAMPLE, as documentation does, is nobody's.
 */
import { charSet, code, digitCharacters, inSet, isWord, letterCharacters } from "./chars.ts";
import { type PrivateScanner, report, type Scan } from "./scan.ts";

interface Prefix {
  readonly kind: string;
  readonly prefix: string;
  /** Where in the prefix its trigger stands, from 1 on. */
  readonly at: number;
  readonly chars: Uint8Array;
  readonly min: number;
  readonly max: number;
}

const alnum = charSet(letterCharacters + digitCharacters);
const upper = charSet(`ABCDEFGHIJKLMNOPQRSTUVWXYZ${digitCharacters}`);
const url = charSet(`${letterCharacters}${digitCharacters}-_`);
const urlDots = charSet(`${letterCharacters}${digitCharacters}-_.`);
const row = (kind: string, prefix: string, trigger: string, chars: Uint8Array, min: number, max = min): Prefix => ({
  kind,
  prefix,
  at: prefix.lastIndexOf(trigger),
  chars,
  min,
  max,
});

/** From the makers' documentation; lengths of what follows the prefix. */
const prefixes: readonly Prefix[] = [
  row("aws", "AKIA", "K", upper, 16),
  row("aws", "ASIA", "S", upper, 16),
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map(p => row("github", p, "_", alnum, 36, 251)),
  row("github", "github_pat_", "_", charSet(`${letterCharacters}${digitCharacters}_`), 36, 93),
  row("gitlab", "glpat-", "-", urlDots, 20, 60),
  ...["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"].map(p => row("slack", p, "-", url, 20, 255)),
  ...["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"].map(p => row("stripe", p, "_", alnum, 24, 255)),
  row("google", "AIza", "z", url, 35),
  row("google", "GOCSPX-", "-", url, 28),
  row("anthropic", "sk-ant-", "-", url, 32, 255),
  row("openai", "sk-proj-", "-", url, 32, 255),
  row("openai", "sk-", "-", alnum, 32, 64),
  row("huggingface", "hf_", "_", alnum, 34, 40),
  row("npm", "npm_", "_", alnum, 36),
  row("digitalocean", "dop_v1_", "_", charSet("abcdef0123456789"), 64),
  row("shopify", "shpat_", "_", alnum, 32),
  row("sendgrid", "SG.", "G", urlDots, 66),
  row("pypi", "pypi-", "-", url, 85, 255),
];
/** Rows by their trigger and the character before it: nearly every hyphen in a text ends here. */
const byPair: Prefix[][] = Array.from({ length: 128 * 128 }, () => []);
for (const p of prefixes) byPair[p.prefix.charCodeAt(p.at) * 128 + p.prefix.charCodeAt(p.at - 1)]!.push(p);
export const prefixTriggers = [...new Set(prefixes.map(p => p.prefix[p.at]!))].join("");

/** Length of the run of a set from `from`, at most `max`. */
export function runOf(scan: Scan, set: Uint8Array, from: number, max: number): number {
  let i = from;
  while (i - from < max && i < scan.text.length && inSet(set, code(scan.text, i))) i++;
  scan.steps += i - from + 1;
  return i - from;
}

export const prefixed: PrivateScanner = (scan, at) => {
  const { text } = scan;
  const before = code(text, at - 1);
  if (before >= 128) return at + 1;
  for (const p of byPair[code(text, at) * 128 + before]!) {
    const start = at - p.at;
    scan.steps++;
    if (!text.startsWith(p.prefix, start)) continue;
    const outside = code(text, start - 1);
    if (isWord(outside) || outside === 95 || outside === 45) continue;
    const from = start + p.prefix.length;
    const length = runOf(scan, p.chars, from, p.max + 1);
    if (length < p.min || length > p.max) continue;
    let end = from + length;
    while (p.min < p.max && end > from && !isWord(code(text, end - 1))) end--;
    if (end - from < p.min) continue;
    if (!text.slice(start, end).includes("EXAMPLE")) report(scan, "secret", start, end, 0.95, p.kind);
    return end;
  }
  return at + 1;
};

/** RFC 7519: three parts of base64url, the first two of JSON objects (`eyJ`). A part longer than this is no token that anybody sends. */
const maxPart = 4096;
export const jsonWebToken: PrivateScanner = (scan, at) => {
  const { text } = scan;
  const start = at - 2;
  if (!text.startsWith("eyJ", start) || isWord(code(text, start - 1)) || code(text, start - 1) === 95 || code(text, start - 1) === 45)
    return at + 1;
  const header = start + runOf(scan, url, start, maxPart);
  if (code(text, header) !== 46 || !text.startsWith("eyJ", header + 1)) return at + 1;
  const payload = header + 1 + runOf(scan, url, header + 1, maxPart);
  if (code(text, payload) !== 46) return at + 1;
  const end = payload + 1 + runOf(scan, url, payload + 1, maxPart);
  if (end - payload < 8 || text.startsWith("EXAMPLE", payload + 1)) return at + 1;
  report(scan, "secret", start, end, 0.95, "jwt");
  return end;
};

/** Characters between two rules of hyphens in a key's block. */
const maxBlock = 16_384;
export const privateKey: PrivateScanner = (scan, at) => {
  const { text } = scan;
  if (code(text, at + 1) !== 45) return at + 1;
  if (code(text, at - 1) === 45 || !text.startsWith("-----BEGIN ", at)) {
    // A rule of hyphens is passed over as one.
    let end = at + 2;
    while (code(text, end) === 45) end++;
    scan.steps += end - at;
    return end;
  }
  const label = /^[A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----/.exec(text.slice(at + 11, at + 80));
  scan.steps += 80;
  if (!label) return at + 1;
  const from = at + 11 + label[0].length;
  let end = text.indexOf("-----", from);
  scan.steps += (end < 0 ? text.length : end) - from;
  const footer = end < 0 ? undefined : /^-----END [A-Z0-9 ]{0,48}-----/.exec(text.slice(end, end + 80));
  // Without its end a block goes as far as base64 lines do.
  if (footer && end - from <= maxBlock) end += footer[0].length;
  else end = from + (/^(?:\s*[A-Za-z0-9+/=]{16,})*/.exec(text.slice(from, from + maxBlock))?.[0].length ?? 0);
  report(scan, "privateKey", at, end, end === from ? 0.4 : 1);
  return Math.max(end, at + 1);
};
