/** The files of a new project, as names and texts; what is fixed stands in templates. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ownPackage, packageFolder } from "../package.ts";
import { conversations } from "./conversations.ts";
import { letters } from "./letters.ts";
import { tickets } from "./tickets.ts";

/** Enough for a tiny model to learn spelling and the turns of phrase. */
const numLetters = 320;
/** Enough for three topics. */
const numTickets = 600;
const templates = join(packageFolder, "templates");

const slashes = (path: string): string => path.replaceAll("\\", "/");

/**
 * What `npm install` in the project shall install as "loam": what this package was installed from, an address or a tarball that is still
 * there, else the folder it lies in. Never a name: on the public registry `loam` is another project's.
 */
function dependencySpec(projectFolder: string): string {
  const near = (path: string) => {
    const short = slashes(relative(projectFolder, path));
    return `file:${short.startsWith(".") || /^([a-z]:|\/)/i.test(short) ? short : `./${short}`}`;
  };
  if (packageFolder.endsWith(join("node_modules", ownPackage().name))) {
    const owner = packageFolder.slice(0, packageFolder.lastIndexOf("node_modules"));
    const spec = specOf(join(owner, "package.json"));
    if (spec && /^https?:/.test(spec)) return spec;
    const tarball = spec?.startsWith("file:") ? resolve(owner, spec.slice("file:".length)) : undefined;
    if (tarball && existsSync(tarball)) return near(tarball);
  }
  return near(packageFolder);
}

function specOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as Partial<
    Record<string, Record<string, string>>
  >;
  const { name } = ownPackage();
  return dependencies[name] ?? devDependencies[name];
}

function packageJson(name: string, projectFolder: string, template: TemplateName): string {
  const { engines } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as { engines: object };
  const value = {
    name: name.toLowerCase(),
    version: "0.0.0",
    private: true,
    type: "module",
    engines,
    scripts:
      template === "gateway"
        ? { gateway: "loam gateway" }
        : { life: "loam run", serve: "loam serve", chat: "loam chat", models: "loam models" },
    dependencies: { loam: dependencySpec(projectFolder) },
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

export const templateNames = ["pretrain", "classify", "instruct", "serve", "gateway"] as const;
export type TemplateName = (typeof templateNames)[number];

/** What each template is for, in a line. */
export const templateSummaries: Readonly<Record<TemplateName, string>> = {
  pretrain: "train a small language model on texts",
  classify: "train, release and serve a text classifier from a table",
  instruct: "tune a model on conversations",
  serve: "serve a model that you import (GGUF, safetensors, Hugging Face)",
  gateway: "put keys, policies, limits and usage in front of model servers",
};

const lettersFiles = (): [string, string][] =>
  letters(numLetters).map((text, i) => [`texts/letter-${String(i + 1).padStart(3, "0")}.txt`, text]);

/** Sample data of a template. */
const samples: Readonly<Record<TemplateName, () => [string, string][]>> = {
  pretrain: lettersFiles,
  classify: () => [["data/tickets.csv", tickets(numTickets)]],
  instruct: () => [...lettersFiles(), ["conversations.jsonl", conversations()]],
  serve: () => [],
  gateway: () => [],
};

export interface ProjectContent {
  readonly template: TemplateName;
  /** `loam.yaml` of a project for data of one's own; it takes the place of the template's, and of its sample. */
  readonly yaml?: string | undefined;
}

/** Paths below the project's folder, and what stands in them. */
export function projectFiles(name: string, projectFolder: string, { template, yaml }: ProjectContent): Map<string, string> {
  const common = (file: string) => readFileSync(join(templates, "project", file), "utf8");
  const own = (file: string) => readFileSync(join(templates, template, file), "utf8").replaceAll(/\bNAME\b/g, name);
  const main = template === "gateway" ? "gateway.yaml" : "loam.yaml";
  return new Map([
    [main, yaml ?? own(main)],
    [
      "README.md",
      yaml === undefined ? own("README.md") : `# ${name}\n\n\`npx loam run\` trains what is stale, \`npx loam serve\` serves it.\n`,
    ],
    [".gitignore", common("gitignore")],
    [".npmrc", common("npmrc")],
    ["package.json", packageJson(name, projectFolder, template)],
    ...(yaml === undefined ? samples[template]() : []),
  ]);
}
