/**
 * A page of docs/ as a reader follows it, in one shell: every block of commands in order, files where the page shows them, and the output below a command
 * compared with what comes. A server that the page starts in the foreground has a terminal of its own until its block is over.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { expect, onTestFailed, onTestFinished } from "vitest";
import { parse, stringify } from "yaml";
import { program as loamProgram } from "./child.ts";
import { freePort } from "./installed.ts";
import { temporaryFolder } from "./project.ts";
import { type CodeBlock, codeBlocks } from "./shell-lines.ts";

export interface PageOptions {
  /** The folder that the reader is in; default: an empty one. */
  readonly cwd?: string;
  /** Files that blocks show a part of: the part is merged into the file that is there. */
  readonly parts?: readonly string[];
  /** What a page leaves to its reader (a key, the id of an alarm) and what the reader puts there; a value may be a command of the shell, with ports of pages. */
  readonly own?: Readonly<Record<string, string>>;
  /** What other people and programs do before the block that begins with these words. */
  readonly before?: Readonly<Record<string, (at: ReaderShell) => Promise<void> | void>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Ports that pages name, each replaced by a free one. */
const portsOfPages = ["8080", "8090", "4000", "5000", "9090", "9093", "8443", "8001", "4318"];

/** One shell: scripts run one after the other, in its folder and with its variables. The first command that fails ends it. */
export class ReaderShell {
  readonly ports: ReadonlyMap<string, string>;
  #folder: string;
  #said = "";
  #script = "";
  #wake = () => {};
  #isOver = false;
  readonly #scripts: Writable;

  private constructor(cwd: string, ports: ReadonlyMap<string, string>, env: Readonly<Record<string, string>>) {
    this.ports = ports;
    this.#folder = cwd;
    const bin = temporaryFolder("page-bin");
    const program = (name: string, text: string) => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    program("loam", `exec "${process.execPath}" "${loamProgram}" "$@"`);
    program("npx", `shift\nexec "${process.execPath}" "${loamProgram}" "$@"`);
    // no browser opens
    program("xdg-open", "exit 0");
    // scripts come on a stream of their own, which no command reads
    const loop = 'set -e; exec 2>&1; while IFS= read -r -u 3 -d "" script; do eval "$script"; done';
    const child = spawn("bash", ["-c", loop], {
      cwd,
      env: { ...process.env, NO_COLOR: "1", ...env, PATH: `${bin}:${env.PATH ?? process.env.PATH}` },
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    onTestFinished(() => {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {}
    });
    // a command that never ends is not in the error
    onTestFailed(() => void process.stderr.write(`the page stopped at:\n${this.#script}\n${this.#said}\n`));
    this.#scripts = child.stdio[3] as Writable; // reason: a pipe of a child is a stream that is written
    (child.stdout as Readable).setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
      this.#wake();
    });
    child.on("exit", () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  static async open({ cwd = temporaryFolder("page"), env = {} }: PageOptions): Promise<ReaderShell> {
    const ports = new Map<string, string>();
    for (const port of portsOfPages) ports.set(port, String(await freePort()));
    return new ReaderShell(cwd, ports, env);
  }

  /** The folder that it is in. */
  get folder(): string {
    return this.#folder;
  }

  /** A text of the page with ports that are free. */
  free(text: string): string {
    return [...this.ports].reduce((t, [port, own]) => t.replace(new RegExp(`\\b${port}\\b`, "g"), own), text);
  }

  /** Runs a script to its end; gives what it writes. Errors: one of its commands fails, with all that was written. */
  async run(script: string): Promise<string> {
    this.#said = "";
    this.#script = script;
    const end = /@@ (.*) @@\n$/;
    this.#scripts.write(`${script}\necho "@@ $PWD @@"\0`);
    for (;;) {
      const found = end.exec(this.#said);
      if (found) {
        this.#folder = found[1]!;
        return this.#said.slice(0, found.index);
      }
      if (this.#isOver) throw new Error(`a command failed:\n${script}\n${this.#said}`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

/** A line that runs until it is stopped: `loam serve`, also behind `&&`. */
const servers = /^(?:([^#\n]*) && )?((?:npx )?loam (?:serve|console|gateway(?= *(?:--|#|$)))[^#&\n]*?) *(?:#.*)?$/gm;

/** `set -e` does not end at a command before `&&` that fails: such commands on lines of their own, where nothing else can hold the two characters. */
const inLines = (text: string): string =>
  text.replace(/^(?:cd|mkdir|loam|npx loam|npm|cp|node) [^"'#\n|\\]*$/gm, line => line.replaceAll(" && ", "\n"));

/** A block's script, its servers in the background: each is waited for until it is there or has ended well, and stopped behind the last command. */
function blockScript(text: string): string {
  let count = 0;
  const script = inLines(text).replace(servers, (_, first: string | undefined, command: string) => {
    const [log, pid] = [`.server-${++count}.log`, `server${count}`];
    return `${first ?? ""}\n${command} > ${log} 2>&1 &\n${pid}=$!
until grep -sqE "https?://" ${log}; do kill -0 $${pid} 2> /dev/null || { cat ${log}; wait $${pid}; break; }; sleep 0.05; done`;
  });
  const ends = Array.from({ length: count }, (_, i) => {
    const [log, pid] = [`.server-${i + 1}.log`, `server${i + 1}`];
    return `kill $${pid} 2> /dev/null || true; wait $${pid} || true; cat ${log}; rm ${log}`;
  });
  return [script, ...ends].join("\n");
}

type Tree = { readonly [key: string]: unknown };
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);
const merged = (a: unknown, b: unknown): unknown =>
  isTree(a) && isTree(b)
    ? Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map(k => [k, k in b ? merged(a[k], b[k]) : a[k]]))
    : b;

const isCommands = ({ language }: CodeBlock): boolean => language === "sh";
const isOutput = ({ language }: CodeBlock): boolean => language === "text" || language === "";
/** Numbers, also their signs and bounds (`-0.3`, `<0.0001`), ids of a run, and the folders that an absolute path begins with are not compared. */
const plain = (text: string): string =>
  text
    .replace(/(?<![\w.:/])\/(?:[\w.-]+\/)+(?=[\w.-])/g, "/")
    .replace(/\b([a-z]+(?:-[a-z]+)*)[-_][\da-f]{8,}\b/g, "$1-ID")
    .replace(/\b[\da-f]{8}\b/g, "ID")
    .replace(/(?<![\w.)])[-+<](?=\d)/g, "")
    .replace(/\d+(?:[.,]\d+)*/g, "N")
    .replace(/\s+/g, " ");

/** Every line that the page shows is in what came, numbers aside; a status alone is exact, and `...` cuts a line. */
function expectShown(shown: string, came: string): void {
  for (const line of shown.split("\n").filter(l => l.trim() !== "")) {
    if (/^\d+$/.test(line)) expect(came.split("\n")).toContain(line);
    else expect(plain(came)).toContain(plain(line.replace(/\.{3}$/, "")).trim());
  }
}

/** Follows a page from its beginning to its end. Errors: a command that fails, output that the page shows and that does not come. */
export async function followPage(page: string, options: PageOptions = {}): Promise<ReaderShell> {
  const shell = await ReaderShell.open(options);
  const own = (text: string): string =>
    shell.free(Object.entries(options.own ?? {}).reduce((t, [theirs, ours]) => t.replaceAll(theirs, ours), text));
  // what the project serves by itself
  const project = join(shell.folder, "loam.yaml");
  if (existsSync(project)) writeFileSync(project, shell.free(readFileSync(project, "utf8")));
  let came: string | undefined;
  for (const block of codeBlocks(page)) {
    if (isOutput(block)) {
      if (came !== undefined) expectShown(block.text, came);
      continue;
    }
    came = undefined;
    const text = own(block.text);
    if (isCommands(block)) {
      for (const [words, act] of Object.entries(options.before ?? {})) if (block.text.startsWith(words)) await act(shell);
      came = await shell.run(blockScript(text));
      continue;
    }
    const name = /^(?:#|\/\/) (\S+\.\w+)\n/.exec(text)?.[1];
    if (name === undefined) continue;
    const path = join(shell.folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    const isPart = options.parts?.includes(name) && existsSync(path);
    writeFileSync(path, isPart ? stringify(merged(parse(readFileSync(path, "utf8")), parse(text))) : text);
  }
  return shell;
}
