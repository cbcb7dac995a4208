/**
 * What stands after `://` and after words such as password: credentials in URLs (RFC 3986 3.2.1), and values of high entropy that are
 * called a secret (`api_key = "..."`, `Authorization: Bearer ...`). Words, placeholders and masks are no secrets.
 */
import { charSet, code, digitCharacters, inSet, isBlank, isLetter, isWord, letterCharacters } from "./chars.ts";
import { type PrivateScanner, report } from "./scan.ts";
import { runOf } from "./secrets.ts";

const schemeChars = charSet(`${letterCharacters}${digitCharacters}+-.`);
const authorityChars = charSet(`${letterCharacters}${digitCharacters}-._~%!$&'()*+,;=:@[]^{}|`);
/** Of a URL's authority; longer ones are not looked at. */
const maxAuthority = 512;
const placeholder =
  /^(?:x+|\*+|\.+|pass(?:word|wd)?|pwd|secret|token|changeme|null|none|true|false|undefined|redacted|hidden|your.*|my.*|some.*|example.*|test|user(?:name)?)$/i;

/** `scheme://user:password@host`: the finding is `user:password`. */
export const scanCredentials: PrivateScanner = (scan, at) => {
  const { text } = scan;
  if (code(text, at + 1) !== 47 || code(text, at + 2) !== 47 || !inSet(schemeChars, code(text, at - 1))) return at + 1;
  const from = at + 3;
  const length = runOf(scan, authorityChars, from, maxAuthority);
  const authority = text.slice(from, from + length);
  const cut = authority.lastIndexOf("@");
  if (cut < 0) return at + 1;
  scan.authorityEnd = Math.max(scan.authorityEnd, from + cut + 1);
  const user = authority.slice(0, cut);
  const colon = user.indexOf(":");
  if (colon < 0 || colon === cut - 1 || !isWord(code(text, from + cut + 1))) return at + 1;
  const password = user.slice(colon + 1);
  if (placeholder.test(password) || /^[[{<$%*]/.test(password) || user.includes("EXAMPLE")) return at + 1;
  report(scan, "urlCredentials", from, from + cut, 0.95);
  return at + 1;
};

const secretWords =
  /(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[-_ ]?key|access[-_]?key|private[-_]?key|auth[-_]?key|secret[-_ ]?key|client[-_]?secret|credentials?|authorization|passwort|contraseña|mot de passe)(?: is| was| ist)?$/i;
const valueChars = charSet(`${letterCharacters}${digitCharacters}!#$%&()*+-./:=?@^_{|}~`);
const maxValue = 256;

/** Shannon entropy of a value's characters, in bits for the whole of it. */
function entropyBits(s: string): number {
  const counts = new Map<string, number>();
  for (const c of s) counts.set(c, (counts.get(c) ?? 0) + 1);
  let bits = 0;
  for (const n of counts.values()) bits -= n * Math.log2(n / s.length);
  return bits;
}

/** Bits from which a value of mixed classes is taken for random: eight different characters have 24. */
const minBits = 20;

/** `password: ...`, `token=...`: the trigger is the colon or the equals sign. */
export const assigned: PrivateScanner = (scan, at) => {
  const { text } = scan;
  let i = at - 1;
  while (at - i < 4 && (isBlank(code(text, i)) || code(text, i) === 34 || code(text, i) === 39)) i--;
  // The last letters of the words above: most colons end here.
  if (!isLetter(code(text, i)) || !"sdeytnrSDEYTNR".includes(text[i]!)) return at + 1;
  scan.steps += 24;
  if (!secretWords.test(text.slice(Math.max(0, i - 24), i + 1))) return at + 1;
  let from = at + 1;
  while (
    from - at < 4 &&
    (isBlank(code(text, from)) || code(text, from) === 34 || code(text, from) === 39 || code(text, from) === 61 || code(text, from) === 62)
  )
    from++;
  const scheme = /^(?:bearer|basic|token)\s+/i.exec(text.slice(from, from + 12));
  if (scheme) from += scheme[0].length;
  let end = from + runOf(scan, valueChars, from, maxValue);
  // In a query or a form the next parameter begins at the ampersand.
  const ampersand = text.slice(from, end).indexOf("&");
  if (code(text, at) === 61 && ampersand > 0) end = from + ampersand;
  while (end > from && ".:?!)".includes(text[end - 1]!)) end--;
  const value = text.slice(from, end);
  if (value.length < 8 || !looksRandom(value)) return at + 1;
  report(scan, "secret", from, end, 0.75, "assigned");
  return at + 1;
};

function looksRandom(value: string): boolean {
  if (value.includes("EXAMPLE") || placeholder.test(value) || /^[[{<$%*(]/.test(value) || value.includes("://") || value.includes("@"))
    return false;
  const classes = Number(/[a-z]/.test(value)) + Number(/[A-Z]/.test(value)) + Number(/\d/.test(value)) + Number(/[^A-Za-z\d]/.test(value));
  // Plain words, names in code (`config.token()`, `process.env.TOKEN`) and numbers have no digit among letters.
  if (classes < 2 || !/\d/.test(value) || !/[A-Za-z]/.test(value) || /^[A-Za-z_.]+\d?$/.test(value)) return false;
  return entropyBits(value) >= minBits;
}
