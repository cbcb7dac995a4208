/**
 * `npm run mutate -- FILE`: would the tests notice a mistake in FILE? Changes one operator, bound, constant, condition or statement at a time, runs the
 * tests that reach it, and lists the mutants that no test detects. See docs/mutation.md. Not a part of CI: it takes minutes a file.
 */
import "../bin/node-version.js";
import { readFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { drawn, mutantsOf, withMutants } from "./mutate/mutants.js";
import { openSession } from "./mutate/session.js";
import { inRoot } from "./parts/places.js";
import { main, say, seconds, Trouble } from "./parts/say.js";

const usage = `Usage: npm run mutate -- FILE [options]

Options:
  --limit N        test N mutants, drawn with the seed (default: all)
  --seed N         seed of that draw (default: 1)
  --lines A-B      only mutants of these lines
  --near           run only tests of FILE's own module (default: all unit tests that reach FILE)
  --in FOLDER      run only tests in FOLDER, a path from the root, or its beginning
  --project NAME   project of vitest.config.ts (default: unit)
  --config FILE    vitest configuration (default: vitest.config.ts of this repository)
  --json           print one JSON object
`;

/** Processor time that a mutant's tests may take, as a multiple of what they take without it, and what a start costs beside it. */
const slowdown = 3;
const startMs = 1000;
const idleMs = 10_000;
const memoryBytes = 3 * 2 ** 30;
/** Mutants that one process tries. */
const batchSize = 20;

function integer(name, text, least) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new Trouble(`--${name}: expected an integer of at least ${least}, got ${text}.`, 2);
  return value;
}

function options(args) {
  let parsed;
  try {
    const kinds = {
      limit: "string",
      seed: "string",
      lines: "string",
      in: "string",
      project: "string",
      config: "string",
      near: "boolean",
      json: "boolean",
      help: "boolean",
    };
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: Object.fromEntries(Object.entries(kinds).map(([k, type]) => [k, { type }])),
    });
  } catch (error) {
    throw new Trouble(`${error.message}\n\n${usage}`, 2);
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  if (positionals.length !== 1) throw new Trouble(`FILE: expected one source file, got ${positionals.length}.\n\n${usage}`, 2);
  const [from, to] = (values.lines ?? `1-${Number.MAX_SAFE_INTEGER}`).split("-");
  return {
    file: resolve(positionals[0]),
    configFile: resolve(values.config ?? inRoot("vitest.config.ts")),
    project: values.project ?? "unit",
    limit: values.limit === undefined ? Number.POSITIVE_INFINITY : integer("limit", values.limit, 1),
    seed: integer("seed", values.seed ?? "1", 0),
    lines: [integer("lines", from, 1), integer("lines", to ?? from, 1)],
    near: values.near === true,
    folder: values.in,
    json: values.json === true,
  };
}

/** The first two folders: `src/<module>`. */
const moduleOf = (path, root) => relative(root, path).split(/[\\/]/).slice(0, 2).join("/");

/** How far a test stands from the file: beside it under its name, in its folder, in its module, elsewhere. */
function distance(file, test, root) {
  const name = basename(file).replace(/\.\w+$/, "");
  if (dirname(test) === dirname(file)) return basename(test).startsWith(`${name}.`) ? 0 : 1;
  return moduleOf(test, root) === moduleOf(file, root) ? 2 : 3;
}

/** Which tests reach which mutant, and what they cost, from one run that counts. */
async function measure(session, source, mutants, specifications) {
  const { failures, lines } = await session.measure(
    withMutants(source, mutants, id => `(__loam.seen[${id}]=1)===0`),
    specifications,
  );
  if (failures.length)
    throw new Trouble(
      `the tests fail without a mutant, so that they can detect none. Mend them first:\n  ${failures.slice(0, 5).join("\n  ")}`,
    );
  // What runs while the module loads is reached by each test that imports it, though files that share modules load it once.
  const loading = new Set(lines.flatMap(l => l.loading ?? []));
  const costs = new Map(lines.map(l => [l.file, { testsMs: l.testsMs, running: new Set(l.running) }]));
  const loadMs = Math.max(0, ...lines.map(l => l.loadMs ?? 0));
  const tests = specifications.map(s => s.moduleId);
  return {
    reach: id => tests.filter(t => loading.has(id) || costs.get(t)?.running.has(id)),
    costMs: test => costs.get(test)?.testsMs ?? 0,
    limitMs: chosen => startMs + slowdown * (loadMs + chosen.reduce((sum, t) => sum + (costs.get(t)?.testsMs ?? 0), 0)),
  };
}

/**
 * Tries all of `mutants`, a batch a process, and again behind one that ended its process. A batch ends without a mutant: where its tests fail then, a
 * mutant left something broken behind, and each of the batch gets a process of its own.
 */
async function detect(session, mutants, limits, told) {
  const verdicts = new Map();
  const waiting = [...mutants];
  const alone = [];
  while (waiting.length || alone.length) {
    const isAlone = !waiting.length;
    const batch = isAlone ? alone.splice(0, 1) : waiting.slice(0, batchSize);
    const plan = isAlone ? batch : [...batch, { ...batch.at(-1), id: -1 }];
    const found = await session.check(plan, limits);
    const tried = batch.filter(m => found.has(m.id));
    if (!isAlone) waiting.splice(0, Math.max(1, tried.length));
    if (!isAlone && found.get(-1) !== undefined) alone.push(...tried);
    else for (const m of tried) verdicts.set(m.id, found.get(m.id));
    told(verdicts.size);
  }
  return verdicts;
}

async function check(session, asked, source) {
  const root = dirname(asked.configFile);
  const place = relative(root, asked.file);
  const all = mutantsOf(source, asked.file);
  const inLines = all.filter(m => m.line >= asked.lines[0] && m.line <= asked.lines[1]);
  const chosen = drawn(inLines, asked.limit, asked.seed);
  const folder = asked.folder ?? (asked.near ? `${moduleOf(asked.file, root)}/` : undefined);
  const far = new Map((await session.related(folder)).map(s => [s, distance(asked.file, s.moduleId, root)]));
  const specifications = [...far.keys()].filter(s => !asked.near || far.get(s) < 3).sort((a, b) => far.get(a) - far.get(b));
  if (!specifications.length) throw new Trouble(`${place}: no test of the project ${asked.project} imports it.`);
  say("tests", `${specifications.length} files reach ${place}`);
  const { reach, costMs, limitMs } = await measure(session, source, all, specifications);
  session.use(withMutants(source, all, id => `__loam.id===${id}`));
  const limits = { idleMs, memoryBytes };
  const began = performance.now();
  const verdicts = new Map();
  const distances = new Map([...far].map(([s, d]) => [s.moduleId, d]));
  // First the tests beside the file, which detect most; then, for what survived those, the others.
  const near = test => distances.get(test) < 2;
  // Of tests as near as each other the quickest first: what it detects spares the rest.
  const inOrder = (a, b) => distances.get(a) - distances.get(b) || costMs(a) - costMs(b);
  for (const [name, isOfStage] of [
    ["nearest tests", near],
    ["other tests", test => !near(test)],
  ]) {
    const mutants = chosen
      .filter(m => verdicts.get(m.id) === undefined)
      .map(m => ({ id: m.id, tests: reach(m.id).filter(isOfStage).sort(inOrder) }))
      .filter(m => m.tests.length)
      .map(m => ({ ...m, limitMs: limitMs(m.tests) }));
    const told = count => say(name, `${count} of ${mutants.length} mutants  ${seconds(performance.now() - began)}`);
    for (const [id, verdict] of await detect(session, mutants, limits, told)) verdicts.set(id, verdict);
  }
  const shown = ({ line, column, kind, change }) => ({ line, column, kind, change });
  const killed = chosen.filter(m => verdicts.get(m.id));
  return {
    file: place,
    mutants: inLines.length,
    tested: chosen.length,
    killed: killed.length,
    timedOut: killed.filter(m => verdicts.get(m.id) !== "failed").length,
    survived: chosen.filter(m => !verdicts.get(m.id) && reach(m.id).length).map(shown),
    unreached: chosen.filter(m => !reach(m.id).length).map(shown),
  };
}

function print({ file, mutants, tested, killed, timedOut, survived, unreached }) {
  for (const { line, column, change } of survived) process.stdout.write(`${file}:${line}:${column}  ${change}\n`);
  for (const { line, column, change } of unreached) process.stdout.write(`${file}:${line}:${column}  ${change}  (no test runs it)\n`);
  process.stdout.write(
    `${tested} of ${mutants} mutants: ${killed} killed (${timedOut} by a limit), ${survived.length} survived, ${unreached.length} not reached\n`,
  );
}

await main(async args => {
  const asked = options(args);
  if (!asked) return void process.stdout.write(usage);
  let source;
  try {
    source = readFileSync(asked.file, "utf8");
  } catch {
    throw new Trouble(`${asked.file}: expected a source file, found none.`, 2);
  }
  const session = await openSession(asked);
  const stop = signal => void session.close().finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const result = await check(session, asked, source);
    if (asked.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else print(result);
  } finally {
    await session.close();
  }
  return 0;
});
