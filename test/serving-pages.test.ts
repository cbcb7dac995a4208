/** Pages of `loam serve` as a reader follows them: every command in order, with a toy where they name a larger model. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { loam, root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { type Toy, temporaryFolder, trainedToy } from "./support/project.ts";
import { writeEncoder } from "./support/tasks-project.ts";
import { folderWithSmol, smolFile, writeToyGguf } from "./support/toy-gguf.ts";
import { toyModelFolder } from "./support/toy-model.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** The toy's project, which serves at the port that pages name. */
async function servedToy(toy: Toy = {}): Promise<string> {
  const cwd = await trainedToy(toy);
  const path = join(cwd, "loam.yaml");
  writeFileSync(path, readFileSync(path, "utf8").replace("port: 0", "port: 8080"));
  return cwd;
}
/** A status that is an error ends it. */
const strictCurl = { "curl -": "curl -sSf -", "curl http": "curl -sSf http" };
const serves = async ({ folder }: ReaderShell): Promise<void> => {
  await start(["serve"], { cwd: folder }).says(/http:\/\//);
};

deepTest("docs/login.md: every command runs, and the links that the page shows come", async () => {
  await followPage(page("login.md").replaceAll("mail-small", "toy"), {
    cwd: await servedToy(),
    own: strictCurl,
    before: { "loam login --url": serves },
  });
});

/** A project with versions of a toy and a sentence encoder, under the names of pages. */
async function importedModels(versions = 1): Promise<string> {
  const cwd = temporaryFolder("page");
  writeFileSync(
    join(cwd, "loam.yaml"),
    "name: mail\ndevice: { threads: 1 }\nserve: { models: { mail-small: {}, minilm: {} }, port: 8080 }\n",
  );
  await importModels(cwd, versions);
  return cwd;
}
async function importModels(cwd: string, versions = 1): Promise<void> {
  await writeEncoder(join(cwd, "encoder"));
  const imports = [
    ...Array.from({ length: versions }, async (_, i) => ["mail-small", await toyModelFolder(i, { context: 512 })] as const),
    Promise.resolve(["minilm", join(cwd, "encoder")] as const),
  ];
  for (const [name, folder] of await Promise.all(imports)) {
    const { code, stderr } = await loam(["models", "import", folder, "--name", name], { cwd });
    expect(code, stderr).toBe(0);
  }
}
const home = (): { readonly LOAM_HOME: string } => ({ LOAM_HOME: temporaryFolder("home") });

deepTest("docs/serving.md: every command runs, and the file answers", async () => {
  await followPage(page("serving.md"), { cwd: await folderWithSmol(), env: home(), own: { "curl http": strictCurl["curl http"] } });
});

deepTest("docs/serving-versions.md: every command runs, and a label names the version that answers", async () => {
  await followPage(page("serving-versions.md"), {
    cwd: await importedModels(3),
    parts: ["loam.yaml"],
    own: strictCurl,
  });
});

deepTest("docs/decoding.md: every command runs", async () => {
  await followPage(page("decoding.md"), { cwd: await importedModels(), own: strictCurl });
});

const python = join(process.env.LOAM_SUITES ?? "", "venv", "bin", "python");
const noPython = existsSync(python) ? "" : " (without Triton's client: LOAM_SUITES)";
deepTest(`docs/open-inference.md: every command runs, and Triton's client gets what the page shows${noPython}`, async () => {
  const text = page("open-inference.md").replace("(2, 384)", existsSync(python) ? "(2, 32)" : "");
  await followPage(text, {
    cwd: await importedModels(),
    own: { "pip install": ": pip install", "python client.py": existsSync(python) ? `${python} client.py` : "true" },
  });
});

/** Rows of the page's tables of metrics whose kind or labels differ from the series that a server shows. */
function wrongRows(text: string, metrics: string): string[] {
  const kinds = new Map([...metrics.matchAll(/^# TYPE (loam_\w+) (\w+)$/gm)].map(m => [m[1]!, m[2]!]));
  const shown = new Map<string, Set<string>>();
  for (const [, series = "", labels = ""] of metrics.matchAll(/^(loam_\w+)\{(.*)\} \S+$/gm)) {
    const base = series.replace(/_(?:bucket|sum|count)$/, "");
    const name = kinds.get(base) === "histogram" ? base : series;
    const names = [...labels.matchAll(/(\w+)="/g)].map(m => m[1]!).filter(label => label !== "le");
    shown.set(name, new Set([...(shown.get(name) ?? []), ...names]));
  }
  expect(shown.size).toBeGreaterThan(30);
  return [...text.matchAll(/^\| (`loam_.*?) \| (.*?) \| (.*?) \|/gm)].flatMap(([row, names = "", kind = "", labels = ""]) =>
    [...names.matchAll(/`(\w+)`/g)].flatMap(([, name = ""], i) => {
      const had = shown.get(name);
      if (had === undefined) return [];
      const wanted = kind.split(", ")[i] ?? kind.split(", ")[0]!;
      const told = (labels.match(/\w+/g) ?? []).filter(label => label !== "none");
      const isRight = kinds.get(name) === wanted && (labels.includes("...") || [...had].sort().join() === told.sort().join());
      return isRight ? [] : [`${row}: ${name}: ${kinds.get(name)}, ${[...had].join(", ")}`];
    }),
  );
}

deepTest("docs/observability.md: every command runs, and a collector gets the spans that the page shows", async () => {
  const cwd = await importedModels();
  await writeToyGguf(join(cwd, smolFile));
  // the toy goes on to the most tokens
  const { folder } = await followPage(page("observability.md").replace('{"stringValue":"stop"}', '{"stringValue":"length"}'), {
    cwd,
    env: home(),
    own: {
      ...strictCurl,
      "sleep 6 ": "curl -sSf http://127.0.0.1:8080/metrics > metrics.txt; until grep -q output_tokens spans.txt; do sleep 0.2; done",
    },
  });
  expect(wrongRows(page("observability.md"), readFileSync(join(folder, "metrics.txt"), "utf8"))).toEqual([]);
});

deepTest("docs/decode-guard.md: every command runs, and a classifier refuses spans", async () => {
  const cwd = temporaryFolder("page");
  const example = join(root, "examples", "moderation");
  // a quarter of its comments
  const yaml = readFileSync(join(example, "loam.yaml"), "utf8").replace("tokens: 60k", "tokens: 10k");
  writeFileSync(join(cwd, "loam.yaml"), yaml);
  const maker = readFileSync(join(example, "make-comments.js"), "utf8").replace("lines.length < 1200", "lines.length < 300");
  writeFileSync(join(cwd, "make-comments.js"), maker);
  await promisify(execFile)(process.execPath, ["make-comments.js"], { cwd });
  await importModels(cwd);
  const trained = await loam(["train", "words"], { cwd });
  expect(trained.code, trained.stderr).toBe(0);
  const own = {
    ...strictCurl,
    // the toy's context is short, and its classifier unsure
    '"max_tokens": 60': '"max_tokens": 40',
    "threat: 0.8": "threat: 0.01",
  };
  await followPage(page("decode-guard.md").replaceAll("mail-small", "words"), { cwd, parts: ["loam.yaml"], own });
});

deepTest("docs/fine-tuning-jobs.md: every command runs, and a job's model answers", async () => {
  const cwd = await folderWithSmol();
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"), "junction");
  const { folder } = await followPage(page("fine-tuning-jobs.md"), {
    cwd,
    own: {
      "npm install": ": npm install",
      "node job.mjs": "node job.mjs | tee responses.txt",
      "ftjob-...": '"$(loam tune jobs --json | grep -o "ftjob-[0-9a-f]*" | head -1)"',
    },
  });
  expect(readFileSync(join(folder, "responses.txt"), "utf8")).toMatch(/^smollm2 .*\nft-smollm2-loud-[0-9a-f]+ /s);
});
