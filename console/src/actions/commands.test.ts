/** Every command that the console shows is given to the command line's own parser, which must take it for what was chosen. */
import { execFileSync } from "node:child_process";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { parseYaml } from "../../../src/base/index.ts";
import { runCli } from "../../../src/cli/run-cli.ts";
import { verbs } from "../../../src/cli/verbs.ts";
import { type Command, commandLine, commands, wordsOf } from "./commands.ts";

afterEach(() => vi.restoreAllMocks());

/** What the parser makes of the words: the verb, its arguments and its options. */
async function parsed(argv: readonly string[]): Promise<{ verb: string; args: unknown[]; options: Record<string, unknown> } | string> {
  let found: { verb: string; args: unknown[]; options: Record<string, unknown> } | undefined;
  for (const verb of verbs)
    vi.spyOn(verb, "load").mockResolvedValue(async (_, args, options) => {
      found = { verb: verb.usage.replace(/ [<[].*/, ""), args: args.filter(a => a !== undefined), options: { ...options } };
    });
  const stderr = new PassThrough();
  const said: Buffer[] = [];
  stderr.on("data", data => said.push(data));
  const streams = { stdin: new PassThrough(), stdout: new PassThrough().resume(), stderr };
  await runCli({ argv, cwd: ".", env: {}, signal: new AbortController().signal, ...streams } as unknown as Parameters<typeof runCli>[0]);
  vi.restoreAllMocks();
  return found ?? Buffer.concat(said).toString();
}

/** Options as the parser gives them: those that are not left out, as text. */
const expected = ({ verb, args, options }: Command, defaults: Record<string, unknown> = {}) => ({
  verb,
  args,
  options: {
    ...defaults,
    ...Object.fromEntries(
      Object.entries(options)
        .filter(([, v]) => v !== undefined && v !== "")
        .map(([k, v]) => [k, v === true ? true : String(v)]),
    ),
  },
});

/** Options that the parser sets where nobody says otherwise. */
const defaults: Readonly<Record<string, Record<string, unknown>>> = { "gateway limits": { top: "10" }, train: { profileSteps: "3" } };

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
  fc.constantFrom("mail@2", "-x", "--as", "it's", "a b", '"', "$HOME", "--", "ünï"),
);
const reason = fc.oneof(fc.constant(""), text);
const value = fc.dictionary(fc.constantFrom("measure", "for", "limit"), fc.oneof(text, fc.integer(), fc.array(text)), {
  noNullPrototype: true,
});
const revision = fc.option(fc.nat());
const cases: { readonly [K in keyof typeof commands]: fc.Arbitrary<Parameters<(typeof commands)[K]>[0]> } = {
  promote: fc.record({ version: text, alias: text, reason }),
  rollback: fc.record({ model: text, alias: text, reason }),
  approve: fc.record({ version: text, alias: text, role: text, note: reason, withdraw: fc.boolean() }),
  rollbackDeployment: fc.record({ name: text, generation: fc.integer({ min: 1 }), unapproved: fc.boolean() }),
  createKey: fc.record({ name: text, subject: text, days: fc.constantFrom("", "90") }),
  rotateKey: fc.record({ key: text, hours: fc.constantFrom("", "0", "24") }),
  revokeKey: fc.record({ key: text }),
  putLimit: fc.record({ name: text, value, revision }),
  deleteLimit: fc.record({ name: text, revision }),
  hold: fc.record({ id: text, value }),
  release: fc.record({ id: text }),
  decideHeld: fc.record({ id: text, decision: fc.constantFrom("approve", "refuse") }),
  // names of loam.yaml: letters, digits and -
  run: fc.record({
    kind: fc.constantFrom("model", "tuned", "data"),
    name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9-]{0,9}$/),
    force: fc.boolean(),
  }),
};

test.each(Object.keys(cases) as (keyof typeof cases)[])("%s: the command line takes the command for what was chosen", async name => {
  await fc.assert(
    fc.asyncProperty(cases[name] as fc.Arbitrary<never>, async choices => {
      const command: Command = commands[name](choices);
      const got = await parsed(wordsOf(command));
      expect(got).toEqual(expected(command, defaults[command.verb]));
    }),
    { numRuns: 40 },
  );
});

test("an entry's value is read by the verb as what was chosen", () => {
  fc.assert(
    fc.property(value, of => {
      expect(parseYaml(String(commands.hold({ id: "x", value: of }).options.value), "--value")).toEqual(of);
    }),
  );
});

test("a shell reads the line as the words", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), args => {
      const command = { verb: "models promote", args, options: { reason: args[0] } };
      const line = commandLine(command).replace(/^loam /, "");
      const read = execFileSync("sh", ["-c", `for w in ${line}; do printf '%s\\0' "$w"; done`]).toString("utf8");
      expect(read.split("\0").slice(0, -1)).toEqual(wordsOf(command));
    }),
    { numRuns: 30 },
  );
});
