/** Programs that a user may live without: servers to grow into, and what the project's own tests use. */
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type Check, checkRow } from "./check.ts";

interface Program {
  readonly name: string;
  readonly names: readonly string[];
  /** Further places than PATH. */
  readonly places?: () => readonly string[];
  readonly what: string;
  readonly get: { readonly linux: string; readonly darwin: string; readonly win32: string };
}

const programs: readonly Program[] = [
  {
    name: "chromium",
    names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome.exe", "msedge.exe"],
    places: () => [
      process.env.LOAM_CHROMIUM ?? "",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "C:/Program Files/Google/Chrome/Application/chrome.exe",
    ],
    what: "tests of the console's page",
    get: { linux: "apt-get install chromium", darwin: "brew install --cask chromium", win32: "winget install Google.Chrome" },
  },
  {
    name: "postgresql",
    names: ["initdb", "initdb.exe"],
    places: () => versioned("/usr/lib/postgresql", "bin/initdb"),
    what: "a record that several machines share, and its tests",
    get: { linux: "apt-get install postgresql", darwin: "brew install postgresql", win32: "winget install PostgreSQL.PostgreSQL.16" },
  },
  {
    name: "redis",
    names: ["redis-server", "valkey-server", "redis-server.exe"],
    places: () => [process.env.LOAM_REDIS ?? ""],
    what: "limits of a gateway that many replicas share, and their tests",
    get: {
      linux: "apt-get install redis-server",
      darwin: "brew install redis",
      win32: "https://redis.io/docs/latest/operate/oss_and_stack/install",
    },
  },
  {
    name: "versitygw",
    names: ["versitygw", "versitygw.exe"],
    places: () => [process.env.LOAM_VERSITYGW ?? "", join(process.env.GOPATH ?? join(homedir(), "go"), "bin/versitygw")],
    what: "an S3 store on this machine, and the tests of S3",
    get: {
      linux: "go install github.com/versity/versitygw/cmd/versitygw@latest",
      darwin: "brew install versitygw",
      win32: "go install github.com/versity/versitygw/cmd/versitygw@latest",
    },
  },
  {
    name: "registry",
    names: ["registry", "registry.exe"],
    places: () => [process.env.LOAM_REGISTRY ?? "", join(process.env.GOPATH ?? join(homedir(), "go"), "bin/registry")],
    what: "a registry of containers on this machine, and the tests of `loam models push`",
    get: {
      linux: "go install github.com/distribution/distribution/v3/cmd/registry@latest",
      darwin: "go install github.com/distribution/distribution/v3/cmd/registry@latest",
      win32: "go install github.com/distribution/distribution/v3/cmd/registry@latest",
    },
  },
  {
    name: "oras",
    names: ["oras", "oras.exe"],
    places: () => [process.env.LOAM_ORAS ?? "", join(process.env.GOPATH ?? join(homedir(), "go"), "bin/oras")],
    what: "the test that others read what `loam models push` sends",
    get: {
      linux: "go install oras.land/oras/cmd/oras@latest",
      darwin: "brew install oras",
      win32: "go install oras.land/oras/cmd/oras@latest",
    },
  },
  {
    name: "prometheus",
    names: ["prometheus", "prometheus.exe"],
    places: () => [process.env.LOAM_PROMETHEUS ?? ""],
    what: "measurements of servers over time, and the test that it reads ours",
    get: { linux: "apt-get install prometheus", darwin: "brew install prometheus", win32: "https://prometheus.io/download" },
  },
  {
    name: "vulkan",
    names: ["vulkaninfo"],
    places: () =>
      ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].flatMap(folder =>
        existsSync(folder) ? readdirSync(folder).map(f => join(folder, f)) : [],
      ),
    what: "the device webgpu",
    get: { linux: "apt-get install libvulkan1 mesa-vulkan-drivers", darwin: "not needed: Metal", win32: "comes with the graphics driver" },
  },
  {
    name: "strace",
    names: ["strace"],
    what: "counting flushes in `npm run bench -- store`",
    get: { linux: "apt-get install strace", darwin: "not on macOS", win32: "not on Windows" },
  },
];

function versioned(folder: string, below: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map(v => join(folder, v, below)) : [];
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return path !== "";
  } catch {
    return false;
  }
}

function find({ names, places }: Program): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(f => f !== "");
  return [...folders.flatMap(f => names.map(n => join(f, n))), ...(places?.() ?? [])].find(isThere);
}

export const optional: readonly Check[] = programs.map(program =>
  checkRow(program.name, () => {
    const at = find(program);
    const data = { path: at ?? null };
    if (at) return { state: "ok", found: at, data };
    const platform = process.platform === "darwin" || process.platform === "win32" ? process.platform : "linux";
    return { state: "missing", found: `none; it is for ${program.what}`, hint: program.get[platform], data };
  }),
);
