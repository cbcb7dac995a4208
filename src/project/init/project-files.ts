/** The files of a new project, as names and texts; what is fixed stands in templates/project. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ownPackage, packageFolder } from "../package.ts";
import { letters } from "./letters.ts";

/** Enough for a tiny model to learn spelling and the turns of phrase. */
const numLetters = 320;
const templates = join(packageFolder, "templates", "project");

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

function packageJson(name: string, projectFolder: string): string {
  const { engines } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as { engines: object };
  const value = {
    name: name.toLowerCase(),
    version: "0.0.0",
    private: true,
    type: "module",
    engines,
    scripts: { life: "loam run", serve: "loam serve", chat: "loam chat", models: "loam models" },
    dependencies: { loam: dependencySpec(projectFolder) },
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Paths below the project's folder, and what stands in them. */
export function projectFiles(name: string, projectFolder: string): Map<string, string> {
  const template = (file: string) => readFileSync(join(templates, file), "utf8").replaceAll(/\bNAME\b/g, name);
  const files = new Map([
    ["loam.yaml", template("loam.yaml")],
    ["README.md", template("README.md")],
    [".gitignore", template("gitignore")],
    [".npmrc", template("npmrc")],
    ["package.json", packageJson(name, projectFolder)],
  ]);
  for (const [i, text] of letters(numLetters).entries()) files.set(`texts/letter-${String(i + 1).padStart(3, "0")}.txt`, text);
  return files;
}
