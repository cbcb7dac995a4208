/**
 * Makes a clone ready: packages from npm as package-lock.json names them (no install script runs), `loam` as a name that the examples can
 * import, and builds of what is stale. Doing it again does nothing.
 */
import "../bin/node-version.js";
import { existsSync, lstatSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";
import { npm } from "./parts/child.js";
import { inRoot, root } from "./parts/places.js";
import { main, say, step, Trouble } from "./parts/say.js";
import { hashOf } from "./parts/stamps.js";

const stampFile = inRoot("node_modules/.loam-setup.json");
const platform = `${process.platform}-${process.arch}`;
const read = file => JSON.parse(readFileSync(file, "utf8"));

/** Packages of the lock file for this platform. */
function wantedPackages() {
  const fits = (list, mine) => !list || list.includes(mine) || (list.every(x => x.startsWith("!")) && !list.includes(`!${mine}`));
  return Object.entries(read(inRoot("package-lock.json")).packages).filter(
    ([path, p]) => path !== "" && !p.link && fits(p.os, process.platform) && fits(p.cpu, process.arch),
  );
}

/** Whether npm installed just this lock file already, by its own list of what it installed. */
function isInstalled(lockHash) {
  if (!existsSync(inRoot("node_modules"))) return false;
  const stamp = existsSync(stampFile) ? read(stampFile) : undefined;
  if (stamp && stamp.platform !== platform) return false;
  if (stamp?.lock === lockHash) return true;
  const list = inRoot("node_modules/.package-lock.json");
  if (!existsSync(list)) return false;
  const lock = read(inRoot("package-lock.json"));
  const ours = new Set(Object.keys(lock.packages[""].optionalDependencies ?? {}).map(name => `node_modules/${name}`));
  const has = read(list).packages;
  const isSame = ([path, p]) => has[path]?.integrity === p.integrity && has[path]?.version === p.version;
  // packages of others may leave theirs out; Loam's own for this platform carries the engine
  return wantedPackages().every(([path, p]) => (p.optional && !ours.has(path)) || isSame([path, p]));
}

async function install() {
  const wanted = wantedPackages()
    .filter(([, p]) => !p.optional)
    .map(([path]) => inRoot(path, "package.json"));
  const there = () => wanted.filter(f => existsSync(f)).length;
  const text = () => `installing packages from npm: ${there()} of ${wanted.length}`;
  await step("install", text, async () => {
    const { code, output } = await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      env: { npm_config_loglevel: "error" },
    });
    if (code !== 0)
      throw new Trouble(
        `npm ci: expected packages, got exit code ${code}:\n${output.trimEnd()}\nCheck the network and the registry, then run the same command again.`,
        3,
      );
    return `installed ${wanted.length} packages`;
  });
}

/** `import ... from "loam"` inside the clone means the clone. */
function link() {
  const at = inRoot("node_modules/loam");
  const found = lstatSync(at, { throwIfNoEntry: false });
  if (found && existsSync(at) && realpathSync(at) === realpathSync(root)) return;
  if (found) rmSync(at, { recursive: !found.isSymbolicLink(), force: true });
  if (process.platform === "win32") symlinkSync(root, at, "junction");
  else symlinkSync("..", at);
}

export async function setup(options) {
  const lock = hashOf(["package-lock.json"]);
  if (!isInstalled(lock)) {
    say("setup", "packages from npm, then a build; the next time there is nothing to do");
    await install();
  }
  link();
  const stamp = `${JSON.stringify({ lock, platform })}\n`;
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) writeFileSync(stampFile, stamp);
  await build(undefined, options);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main(() => setup({ verbose: true }));
