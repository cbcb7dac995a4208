/**
 * Where a data set comes from, as far as the sources themselves say: a package's licence and author, or the licence file that lies beside
 * the texts. Nothing is guessed from a licence's words.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseYaml } from "../../base/index.ts";

export interface SourceFacts {
  /** The name under `sources:`, where there are several. */
  readonly name?: string;
  /** `package@1.0.0`, a folder, an address. */
  readonly origin: string;
  readonly reader?: string;
  readonly files?: number;
  readonly sizeBytes?: number;
  /** As the source states it: an SPDX expression of a package, or the name of its licence file. */
  readonly licence?: string;
  readonly author?: string;
  readonly url?: string;
}

const licenceFile = /^(licen[cs]e|copying|unlicense)(\.|$)/i;

interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
  readonly author?: string | { readonly name?: string };
  readonly homepage?: string;
  readonly repository?: string | { readonly url?: string };
}

type OwnFacts = Pick<SourceFacts, "licence" | "author" | "url" | "reader"> & { readonly origin?: string };

function packageFacts(name: string, folder: string): OwnFacts {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, "node_modules", name, "package.json");
    if (existsSync(file)) {
      const p = JSON.parse(readFileSync(file, "utf8")) as PackageJson;
      const licence = typeof p.license === "string" ? p.license : (p.license?.type ?? p.licenses?.map(l => l.type).join(" OR "));
      // An address of mail in it is the author's own to spread, not ours.
      const author = (typeof p.author === "string" ? p.author : p.author?.name)?.replace(/\s*<[^>]*>/g, "").trim();
      const url = p.homepage ?? (typeof p.repository === "string" ? p.repository : p.repository?.url)?.replace(/^git\+|\.git$/g, "");
      return {
        ...(p.version ? { origin: `${name}@${p.version}` } : {}),
        ...(licence ? { licence } : {}),
        ...(author ? { author } : {}),
        ...(url ? { url } : {}),
      };
    }
    if (dirname(at) === at) return {};
  }
}

function folderFacts(root: string): OwnFacts {
  try {
    const found = readdirSync(root).find(name => licenceFile.test(name));
    return found ? { licence: `see ${found}` } : {};
  } catch {
    // A source that is gone says nothing of what was made of it.
    return {};
  }
}

/** The head of a data set's own card, as the Hugging Face hub has it. */
function hubFacts(root: string): OwnFacts {
  try {
    const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1];
    const { license, license_name } = (head ? parseYaml(head, "README.md") : {}) as { license?: unknown; license_name?: unknown };
    const told =
      license === "other" && typeof license_name === "string"
        ? license_name
        : [license]
            .flat()
            .filter(l => typeof l === "string")
            .join(" OR ");
    return told ? { licence: told } : {};
  } catch {
    // A card that is not there or cannot be read says nothing.
    return {};
  }
}

interface Entry {
  readonly npm?: unknown;
  readonly folder?: unknown;
  readonly huggingface?: unknown;
  readonly s3?: unknown;
  readonly sql?: unknown;
  readonly files?: unknown;
  readonly reader?: unknown;
}

/** How an entry names its place, without what comes after a `?`: endpoints are nobody's business. */
function originOf(s: Entry): string {
  if (s.sql && typeof s.sql === "object") return `a query on ${Object.keys(s.sql)[0]}`;
  const told = [s.npm, s.folder, s.huggingface, s.s3, [s.files].flat().join(", ")].find(t => typeof t === "string" && t !== "");
  return typeof told === "string" ? told.replace(/\?.*$/, "") : "unknown";
}

/** What a source's own files say of it; `source` is an entry of `loam.yaml`. */
export function ownFacts(source: unknown, projectFolder: string): OwnFacts & { readonly origin: string } {
  const s = (source ?? {}) as Entry;
  const own =
    typeof s.huggingface === "string"
      ? { ...folderFacts(resolve(projectFolder, s.huggingface)), ...hubFacts(resolve(projectFolder, s.huggingface)) }
      : {};
  return {
    origin: originOf(s),
    ...(typeof s.reader === "string" ? { reader: s.reader } : {}),
    ...(typeof s.npm === "string" ? packageFacts(s.npm, projectFolder) : {}),
    ...(typeof s.folder === "string" ? folderFacts(resolve(projectFolder, s.folder)) : {}),
    ...own,
  };
}
