/**
 * Formats of texts as regular expressions. Dates know the length of their months and leap years (RFC 3339); a leap second is not written.
 * A host's and an address's names are in ASCII.
 */

const year = "\\d{4}";
const leap = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const date = `(?:${year}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|${leap}-02-29)`;
const clock = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?";
const zone = "(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ipv4 = `${byte}(?:\\.${byte}){3}`;
const group = "[0-9A-Fa-f]{1,4}";
/** Every place at which `::` may stand (RFC 4291). */
const ipv6 = [
  `(?:${group}:){7}${group}`,
  ...Array.from({ length: 8 }, (_, before) => {
    const left = before === 0 ? ":" : `(?:${group}:){${before}}`;
    const most = 7 - before - 1;
    const right = most <= 0 ? (most === 0 ? `(?:${group})?` : "") : `(?:${group}(?::${group}){0,${most}})?`;
    return `${left}:${right}`;
  }).slice(0, 8),
].join("|");
const uriCharacter = "[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]";

export const stringFormats: Readonly<Record<string, string>> = {
  date,
  time: `${clock}${zone}`,
  "date-time": `${date}T${clock}${zone}`,
  duration:
    "P(?:\\d+W|(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)(?:T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S))?|T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S))",
  email: `[A-Za-z0-9_'+-]+(?:\\.[A-Za-z0-9_'+-]+)*@(?:${label}\\.)+[A-Za-z]{2,24}`,
  hostname: `${label}(?:\\.${label})*`,
  ipv4,
  ipv6,
  uuid: "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
  uri: `[A-Za-z][A-Za-z0-9+.-]*:(?:${uriCharacter}|%[0-9A-Fa-f]{2})+`,
};

/** Formats that are carried out; every other name is an annotation. */
export const isKnownFormat = (name: string): boolean => Object.hasOwn(stringFormats, name);
