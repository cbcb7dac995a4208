/** Names of licences as people and metadata write them, by their SPDX identifier. */
import { type LicenceExpression, parseExpression, showExpression } from "./expression.ts";

/** Creative Commons' address: `licenses/by-nc-sa/4.0`, `publicdomain/zero/1.0`. */
const commons =
  /creativecommons\.org\/(?:licen[cs]es\/(by(?:-nc)?(?:-sa|-nd)?|sa|nc(?:-sa)?|nd(?:-nc)?)\/(\d\.\d)|publicdomain\/(zero|mark)\/(\d\.\d))/i;

/** Addresses of licence texts. */
const addresses: readonly (readonly [RegExp, string | ((m: RegExpMatchArray) => string)])[] = [
  [commons, m => (m[1] ? `CC-${m[1].toUpperCase()}-${m[2]}` : m[3]!.toLowerCase() === "zero" ? `CC0-${m[4]}` : "CC-PDDC")],
  [/apache\.org\/licenses\/license-2\.0/i, "Apache-2.0"],
  [/opensource\.org\/licen[cs]es?\/mit\b/i, "MIT"],
  [/opensource\.org\/licen[cs]es?\/isc\b/i, "ISC"],
  [/opensource\.org\/licen[cs]es?\/apache-2\.0/i, "Apache-2.0"],
  [/opensource\.org\/licen[cs]es?\/bsd-([23])-clause/i, m => `BSD-${m[1]}-Clause`],
  [/opensource\.org\/licen[cs]es?\/mpl-2\.0/i, "MPL-2.0"],
  [
    /(?:gnu\.org\/licenses\/(?:old-licenses\/)?|opensource\.org\/licen[cs]es?\/)(a|l)?gpl-(\d\.\d)/i,
    m => `${(m[1] ?? "").toUpperCase()}GPL-${m[2]}-only`,
  ],
  [/mozilla\.org\/(?:en-us\/)?mpl\/2\.0/i, "MPL-2.0"],
  [/unlicense\.org/i, "Unlicense"],
  [
    /opendatacommons\.org\/licenses\/(odbl|by|pddl)/i,
    m => ({ odbl: "ODbL-1.0", by: "ODC-By-1.0", pddl: "PDDL-1.0" })[m[1]!.toLowerCase()]!,
  ],
];

/** The licence an address stands for. */
export function licenceOfAddress(address: string): string | undefined {
  for (const [pattern, id] of addresses) {
    const m = address.match(pattern);
    if (m) return typeof id === "string" ? id : id(m);
  }
  return undefined;
}

/** Written names, by how they look without spaces, dots and the words that say nothing. */
const spoken: Readonly<Record<string, string>> = {
  mit: "MIT",
  expat: "MIT",
  isc: "ISC",
  apache2: "Apache-2.0",
  apache20: "Apache-2.0",
  apachesoftware20: "Apache-2.0",
  bsd2clause: "BSD-2-Clause",
  simplifiedbsd: "BSD-2-Clause",
  bsd3clause: "BSD-3-Clause",
  newbsd: "BSD-3-Clause",
  modifiedbsd: "BSD-3-Clause",
  mpl2: "MPL-2.0",
  mpl20: "MPL-2.0",
  mozillapublic20: "MPL-2.0",
  unlicense: "Unlicense",
  cc0: "CC0-1.0",
  cc010: "CC0-1.0",
  publicdomain: "CC-PDDC",
};

const tidy = (id: string): string => {
  const gnu = /^(a|l)?gpl-?v?(\d)(?:\.(\d))?(-only|-or-later|\+)?$/i.exec(id);
  if (gnu)
    return `${(gnu[1] ?? "").toUpperCase()}GPL-${gnu[2]}.${gnu[3] ?? "0"}${gnu[4] === "+" ? "-or-later" : (gnu[4]?.toLowerCase() ?? "-only")}`;
  const cc = /^cc[- ](by(?:-nc)?(?:-sa|-nd)?)[- ](\d\.\d)$/i.exec(id);
  if (cc) return `CC-${cc[1]!.toUpperCase()}-${cc[2]}`;
  const name = spoken[id.toLowerCase().replace(/licen[cs]ed?|version|the\b|[\s.,_-]|\bv(?=\d)/g, "")];
  return name ?? id;
};

const tidied = (e: LicenceExpression): LicenceExpression =>
  e.kind === "id" ? { kind: "id", id: tidy(e.id) } : { kind: e.kind, parts: e.parts.map(tidied) };

/** The licence a metadata value says: an address, an SPDX expression, or a name people write. Undefined where it says none. */
export function licenceOfValue(value: string): string | undefined {
  const text = value.trim();
  if (text === "" || text.length > 500) return undefined;
  const byAddress = licenceOfAddress(text);
  if (byAddress) return byAddress;
  const whole = tidy(text);
  if (whole !== text) return whole;
  // `MIT/Apache-2.0` was once how a choice was written.
  const expression = parseExpression(text.replaceAll("/", " OR "));
  return expression && showExpression(tidied(expression));
}
