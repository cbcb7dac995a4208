/** `loam completion` in the shells themselves: bash, zsh in a terminal of its own (zpty), fish. A shell that is missing is skipped. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loam, program } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const isThere = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;
/** For a shell that never answers; it is not waited for. */
const timeoutMs = 120_000;

/** A folder with `loam` on the path, a project with two models, a file, and the shell's script. */
async function surroundings(shell: string) {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "loam"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(join(bin, "loam"), 0o755);
  writeFileSync(join(folder, "loam.yaml"), "models: { mail-small: {}, topics: {} }\n");
  writeFileSync(join(folder, "weights.gguf"), "");
  const { stdout } = await loam(["completion", shell]);
  const script = join(folder, `script.${shell}`);
  writeFileSync(script, stdout);
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, TERM: "dumb", HOME: folder };
  const run = (args: readonly string[]): string => {
    const { stdout: out, stderr, error } = spawnSync(shell, args, { cwd: folder, env, encoding: "utf8", timeout: timeoutMs });
    if (error) throw new Error(`${shell}: ${error.message}\n${out}\n${stderr}`);
    return out;
  };
  return { folder, script, run };
}

test.skipIf(!isThere("bash"))("bash: a verb, a name of the project (skipped where bash is missing)", async () => {
  const { script, run } = await surroundings("bash");
  const completed = (...words: string[]) =>
    run(["-c", `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _loam; printf '%s\\n' "\${COMPREPLY[@]}"`, script, ...words])
      .trim()
      .split("\n");
  expect(completed("loam", "mo")).toEqual(["models"]);
  expect(completed("loam", "models", "show", "")).toEqual(["mail-small", "topics"]);
});

/** Types a line in an interactive zsh that has run `setup`, presses Tab, and waits until the line ends as it should. */
const typed = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "$1; echo REA''DY"
zpty -r shell seen '*READY*'
zpty -w -n shell "$2"$'\\t'
zpty -r shell seen "*$3*" && print completed
zpty -d shell
`;

test.skipIf(!isThere("zsh"))(
  "zsh: a verb, a name, a file where nothing of Loam's fits; sourced and from fpath (skipped where zsh is missing)",
  async () => {
    const { folder, script, run } = await surroundings("zsh");
    const completes = (setup: string, line: string, to: string) => run(["-f", "-c", typed, "zsh", setup, line, to]).includes("completed");
    const sourced = `PROMPT=; source ${script}`;
    expect(completes(sourced, "loam mo", "loam models")).toBe(true);
    expect(completes(sourced, "loam models show ma", "loam models show mail-small")).toBe(true);
    expect(completes(sourced, "loam models import wei", "loam models import weights.gguf")).toBe(true);
    mkdirSync(join(folder, "functions"));
    const { stdout } = await loam(["completion", "zsh"]);
    writeFileSync(join(folder, "functions", "_loam"), stdout);
    const fromPath = `PROMPT=; fpath=(${folder}/functions $fpath); autoload -Uz compinit; compinit -u -D`;
    expect(completes(fromPath, "loam mo", "loam models")).toBe(true);
  },
);

test.skipIf(!isThere("fish"))(
  "fish: a verb, names of the project alone, a file where nothing of Loam's fits (skipped where fish is missing)",
  async () => {
    const { script, run } = await surroundings("fish");
    const completed = (line: string) =>
      run(["--no-config", "-c", `source ${script}; complete -C '${line}'`])
        .trim()
        .split("\n")
        .map(l => l.split("\t")[0]);
    expect(completed("loam mo")).toEqual(["models"]);
    expect(completed("loam models show ")).toEqual(["mail-small", "topics"]);
    expect(completed("loam models import wei")).toEqual(["weights.gguf"]);
  },
);
