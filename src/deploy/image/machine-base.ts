/**
 * The lowest layer of an image from this machine, for places without a registry: Node and the shared libraries that Node and Loam's native libraries load, as
 * the dynamic loader finds them here; a user, name services, certificates. No shell, no package manager. `ldd` says which libraries.
 */
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { deployErrors } from "../errors.ts";
import { imagePlaces, imageUser } from "./plan.ts";
import { fileMode, programMode, type TreeEntry, textEntry } from "./tree.ts";

export interface SystemFile {
  /** In the image, as the loader looks for it. */
  readonly path: string;
  /** Here. */
  readonly from: string;
}

interface MachineBase {
  readonly entries: readonly TreeEntry[];
  readonly libraries: readonly SystemFile[];
}

const noPlatform = (received: string) =>
  deployErrors.fail("platform", {
    place: "loam deploy image",
    expected: "Linux with glibc, whose Node and libraries can be put into an image",
    received,
    hint: "Name a base image instead: --base docker.io/library/node:24-bookworm-slim@sha256:...",
  });

/** `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)`, or `/lib64/ld-linux-x86-64.so.2 (0x...)`; what the kernel gives has no path. */
export function librariesIn(output: string, of: string): string[] {
  return output.split("\n").flatMap(line => {
    const missing = /^\s*(\S+) => not found/.exec(line);
    if (missing)
      throw deployErrors.fail("missing", {
        place: of,
        expected: `the shared library ${missing[1]}`,
        received: "none on this machine",
        hint: "Install it, or name a base image: --base REF.",
      });
    const path = /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    return path === undefined ? [] : [path];
  });
}

function loadedBy(path: string): string[] {
  try {
    return librariesIn(
      execFileSync("ldd", [path], { encoding: "utf8", env: { PATH: process.env.PATH, LC_ALL: "C" }, stdio: "pipe" }),
      path,
    );
  } catch (error) {
    if (error instanceof Error && "status" in error) throw noPlatform(`ldd ${path}: ${error.message.split("\n")[0]}`);
    throw error;
  }
}

const fileEntry = (path: string, from: string, mode: number): TreeEntry => ({
  path,
  mode,
  content: { kind: "stream", sizeBytes: statSync(from).size, open: () => createReadStream(from, { highWaterMark: 1 << 20 }) },
});

export const openedFile = fileEntry;

const certificates = "/etc/ssl/certs/ca-certificates.crt";

/** Users, groups and where names are looked up. */
const accounts: readonly TreeEntry[] = [
  textEntry(
    "etc/passwd",
    `root:x:0:0:root:/root:/sbin/nologin\n${imageUser.name}:x:${imageUser.id}:${imageUser.id}::/${imagePlaces.home}:/sbin/nologin\n`,
  ),
  textEntry("etc/group", `root:x:0:\n${imageUser.name}:x:${imageUser.id}:\n`),
  textEntry("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
];

/** `natives`: Loam's own native libraries. Errors: deploy/platform, deploy/missing. */
export function machineBase(natives: readonly string[]): MachineBase {
  if (process.platform !== "linux") throw noPlatform(process.platform);
  const node = realpathSync(process.execPath);
  const libraries = [...new Set([node, ...natives].flatMap(loadedBy))].sort();
  if (!libraries.some(l => /\/ld-linux/.test(l))) throw noPlatform("a loader that is not glibc's");
  const files = libraries.map(l => ({ path: l.slice(1), from: realpathSync(l) }));
  return {
    libraries: files,
    entries: [
      ...accounts,
      { path: imagePlaces.home, mode: 0o1777, content: { kind: "folder" } },
      fileEntry(imagePlaces.node, node, programMode),
      ...files.map(f => fileEntry(f.path, f.from, programMode)),
      ...(existsSync(certificates) ? [textEntry(certificates.slice(1), readFileSync(certificates, "utf8"), fileMode)] : []),
    ],
  };
}
