/** `npm run bench`: its words and options, and its help. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { benches } from "../bench/benches.ts";
import { suites } from "../bench/suites/list.ts";
import { benchHelp, benchWords, checkBenchNames } from "../scripts/parts/bench-words.js";
import { loamProcess, root } from "./support/child.ts";

const read = (...args: string[]) => benchWords(args);

test("words behind a bench that has parts are its parts, behind any other they are benches", () => {
  expect(read("suites", "vllm", "llama")).toMatchObject({ names: ["suites"], only: ["vllm", "llama"], scale: 1, isHelp: false });
  expect(read("levers", "muon", "--scale=0.1")).toMatchObject({ names: ["levers"], only: ["muon"], scale: 0.1 });
  expect(read("decode", "prefill", "--json")).toMatchObject({ names: ["decode", "prefill"], only: [] });
});

test("an option that nothing knows is refused before a bench starts", () => {
  for (const args of [
    ["suites", "--hlep"],
    ["suites", "-j"],
    ["decode", "--light"],
    ["decode", "--scale"],
    ["decode", "--json=1"],
  ])
    expect(() => read(...args)).toThrow(`unknown option ${args[1]}. \`npm run bench -- ${args[0]} --help\` lists the options.`);
  expect(() => read("decode", "--scale=0")).toThrow("expected a number above 0");
  expect(() => checkBenchNames(read("decode", "nonsense").names, benches)).toThrow('got "nonsense"');
  expect([...read("peers", "--light").options.keys()]).toEqual(["light"]);
});

test("every bench has help with its own name and description", () => {
  for (const [name, about] of Object.entries(benches)) {
    const help = benchHelp(name, about);
    expect([name, help.startsWith(`npm run bench -- ${name} `), help.includes(about)]).toEqual([name, true, true]);
    expect(read(name, "--help").isHelp && read("-h", name).isHelp).toBe(true);
  }
});

test("`bench -- suites --help` lists the suites and runs none of them", async () => {
  const { code, stdout, stderr } = await loamProcess(["suites", "--help"], { program: join(root, "scripts", "bench.js") });
  expect([code, stderr]).toEqual([0, ""]);
  for (const name of Object.keys(suites)) expect(stdout).toContain(`\n  ${name} `);
  expect(stdout).not.toContain("load");
});
