/**
 * E-mail addresses, from the @ outwards: a local part of dot-atoms (RFC 5322; letters beyond ASCII as in RFC 6531) and a domain of labels
 * that ends in letters. Not found: domains reserved for examples (RFC 2606, RFC 6761;
 * unless `exampleDomains`), message ids, `git@host:path`, `icon@2x.png`.
 * Left out: quoted local parts, address literals (`user@[192.0.2.1]`), comments.
 */
import { charSet, code, digitCharacters, inSet, isHyphen, isLetter, isOtherLetter, isWord, letterCharacters } from "./chars.ts";
import { type PrivateScanner, report, type Scan } from "./scan.ts";

/** RFC 5321, 4.5.3.1: octets of a local part and of a domain. */
const maxLocal = 64;
const maxDomain = 255;
const atom = charSet(`${letterCharacters}${digitCharacters}!#$%&'*+-/=?^_\`{|}~.`);
/** Marks that may open or close what surrounds an address, though the standard allows them inside. */
const fringe = charSet("'`*_{|}~/=?!#$%&^.-+");

const cuts = charSet("/?&|`#");

/** Endings of files, which are no top-level domains (or, as `.zip`, are hardly used for mail). */
const fileEndings = new Set(
  "png jpg jpeg gif svg webp bmp ico pdf html htm css js ts mjs json xml txt md log exe dll zip gz tar dmg deb rpm jar py rb java cpp hpp php asp csv yaml yml toml lock bak tmp mp3 mp4 avi local localdomain lan internal".split(
    " ",
  ),
);
const reserved = /(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost)$/i;
/** Headers and phrases that name a message, not a mailbox. */
const messageId =
  /(?:message-id:?|in-reply-to:|references:|resent-message-id:|in message|content-id:|cid:)[^\n]{0,8}$|(?:message-id|references|in-reply-to):[^@]*(?:<[^<>\s]{1,80}>\s*)+$/i;

export const scanEmail: PrivateScanner = (scan, at) => {
  if (at < scan.authorityEnd) return at + 1;
  const { text } = scan;
  let start = at;
  while (start > 0 && at - start <= maxLocal) {
    const c = code(text, start - 1);
    if (!inSet(atom, c) && !isOtherLetter(c)) break;
    start--;
  }
  scan.steps += at - start + 1;
  if (at - start > maxLocal) return at + 1;
  // What stands before the last / ? & | or before `email=` belongs to a link.
  for (let i = at - 1; i > start; i--)
    if (inSet(cuts, code(text, i))) {
      start = i + 1;
      break;
    }
  const parameter = /^[&?]?(?:e-?mail|mail|to|cc|bcc|from|user|address|addr|recipient|rcpt|id|u|e)=/i.exec(text.slice(start, at));
  if (parameter) start += parameter[0].length;
  while (start < at && inSet(fringe, code(text, start))) start++;
  if (start === at || code(text, at - 1) === 46) return at + 1;
  const end = domainEnd(scan, at + 1);
  if (end < 0) return at + 1;
  const local = text.slice(start, at);
  if (local.includes("..")) start += local.lastIndexOf("..") + 2;
  const domain = text.slice(at + 1, end);
  const ending = domain.slice(domain.lastIndexOf(".") + 1).toLowerCase();
  if (reserved.test(domain) ? !scan.exampleDomains : fileEndings.has(ending)) return end;
  if (local === "git" && code(text, end) === 58) return end;
  if (code(text, start - 1) === 60 /* < */ || code(text, start - 1) === 58 /* : */) {
    const window = text.slice(Math.max(0, start - 120), start - 1);
    scan.steps += window.length;
    if (messageId.test(`${window}${code(text, start - 1) === 58 ? ":" : ""}`)) return end;
  }
  report(scan, "email", start, end, 0.95);
  return end;
};

/** End of a domain with at least two labels whose last is of two letters or more; -1 where there is none. */
function domainEnd(scan: Scan, from: number): number {
  const { text } = scan;
  let end = -1;
  let label = from;
  let i = from;
  for (; i - from <= maxDomain; i++) {
    const c = code(text, i);
    if (isWord(c) || isOtherLetter(c) || isHyphen(c)) continue;
    let stop = i;
    while (stop > label && isHyphen(code(text, stop - 1))) stop--;
    if (label > from && (stop === i || c !== 46) && isEnding(text, label, stop)) end = stop;
    if (c !== 46 || i === label || stop !== i || isHyphen(code(text, label))) break;
    label = i + 1;
  }
  scan.steps += i - from + 1;
  return end;
}

function isEnding(text: string, start: number, end: number): boolean {
  if (end - start < 2 || end - start > 24) return false;
  if (text.startsWith("xn--", start)) return true;
  for (let i = start; i < end; i++) {
    const c = code(text, i);
    if (!isLetter(c) && !isOtherLetter(c)) return false;
  }
  return true;
}
