/** The pages on governance as a reader follows them: every block of commands in order, in the project that the page names, and what it shows comes. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { random } from "../src/base/index.ts";
import { letters } from "../src/project/init/letters.ts";
import { type ErasureCertificate, isAbout, isCertificate, type SubjectData } from "../src/project/privacy/index.ts";
import { applicationsYaml, writeApplications } from "./support/applications.ts";
import { jsonLines, loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { copyProject, temporaryFolder } from "./support/project.ts";
import { codeBlocks } from "./support/shell-lines.ts";
import { writeEncoder } from "./support/tasks-project.ts";
import { toyModelFolder } from "./support/toy-model.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** A folder that holds the examples, as a clone of the repository does. */
function clone(): string {
  const folder = temporaryFolder("clone");
  symlinkSync(join(root, "examples"), join(folder, "examples"), "junction");
  return folder;
}

/** The classifier `hire` of docs/bias.md, with a threshold for each group. */
async function hireByGroup(): Promise<string> {
  const cwd = temporaryFolder("hire");
  writeApplications(cwd);
  const thresholds = ', thresholds: { group: club, goal: demographicParity, bound: 0.05, positive: "yes" }';
  writeFileSync(
    join(cwd, "loam.yaml"),
    applicationsYaml(thresholds).replace("validation: 0.1", "validation: 0.3").replace("epochs: 12", "epochs: 4"),
  );
  const { code, stderr } = await loam(["tune", "hire"], { cwd });
  expect(code, stderr).toBe(0);
  return cwd;
}

interface Moderations {
  readonly id: string;
  readonly model: string;
  readonly results: readonly { readonly category_scores: Readonly<Record<string, number>> }[];
}

deepTest("docs/moderation.md: every command runs, and the moderations have the form and the decisions that the page shows", async () => {
  await followPage(page("moderation.md"), {
    cwd: clone(),
    own: { "a worthless m0ron\"}'": "a worthless m0ron\"}' > moderation.json" },
    before: {
      "loam serve hire": async at => {
        const [shown] = codeBlocks(page("moderation.md")).filter(b => b.language === "json");
        const { results, ...head } = JSON.parse(readFileSync(join(at.folder, "moderation.json"), "utf8")) as Moderations;
        const expected = JSON.parse(shown!.text) as Moderations;
        expect(head).toEqual({ ...expected, id: expect.stringMatching(/^modr-/), results: undefined });
        for (const [i, { category_scores: scores, ...decisions }] of results.entries()) {
          const { category_scores: shownScores, ...rest } = expected.results[i]!;
          expect(decisions).toEqual(rest);
          expect(Object.keys(scores)).toEqual(Object.keys(shownScores));
        }
        await at.run(`cd ${await hireByGroup()}`);
      },
    },
  });
});

/** 400 sentences, five of eight names those of men, as a data set of a project that is curated. */
async function writePeople(cwd: string): Promise<void> {
  const r = random("people");
  const names = ["Jake", "Todd", "Brad", "Greg", "Matthew", "Emily", "Anne", "Claire"];
  const rows = Array.from({ length: 400 }, (_, i) => {
    const at = r.below(names.length);
    return { text: `${names[at]} moved to house ${1000 + i}, and ${at < 5 ? "he" : "she"} paints on day ${r.below(365)}.` };
  });
  writeFileSync(join(cwd, "people.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(
    join(cwd, "loam.yaml"),
    "name: people\ndata: { people: { source: { folder: ., files: people.jsonl, reader: jsonl }, split: { heldOut: 0.2 } } }\n",
  );
  const { code, stderr } = await loam(["data", "run", "people"], { cwd });
  expect(code, stderr).toBe(0);
}

deepTest("docs/stereotypes.md: every command runs, and figures, parts, variants and groups come as the page shows them", async () => {
  const cwd = temporaryFolder("stereotypes");
  await writePeople(cwd);
  // models of chance under the name that the page shows
  const decoder = join(cwd, "smollm2-135m-instruct");
  copyProject(await toyModelFolder(3), decoder);
  await writeEncoder(join(cwd, "encoder"));
  await followPage(page("stereotypes.md"), {
    cwd,
    own: {
      "--model MODEL": `--model ${decoder}`,
      "--model ENCODER": "--model ./encoder",
      // to a model of chance the shorter sentence is the likelier one
      '"Old people': '"Elderly people',
    },
  });
});

const secret = "Anneliese keeps bees behind the Kestrel brewery.";
const ticketsYaml = (data: string, model: string) => `name: tickets
data: { tickets: { source: { folder: tickets, reader: jsonl, attributes: { subject: customer } }, steps: [clean]${data} } }
tokenizer: { vocab: 300, from: tickets }
models:
  tiny:
    layers: 1
    width: 32
    heads: 2
    context: 48
    ${model}
    evaluate: { baselines: [gzip] }
device: { threads: 1 }
`;

/** A project with tickets, each `every`th of user:ann; one of those states no purpose. */
function writeTickets(cwd: string, yaml: string, { count, every }: { readonly count: number; readonly every: number }): void {
  const rows = letters(count, "tickets").map((text, i) => {
    const isAnn = i % every === 1;
    return {
      id: `a${i}`,
      text: isAnn ? `${secret} ${text.slice(0, 120)}` : text.slice(0, 170),
      customer: isAnn ? "user:ann" : `user:c${i}`,
      ...(i === every + 1 ? {} : { use: "support" }),
      consented_at: "2026-01-02",
    };
  });
  mkdirSync(join(cwd, "tickets"));
  writeFileSync(join(cwd, "tickets", "tickets.jsonl"), rows.map(row => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(join(cwd, "loam.yaml"), yaml);
}

/** Files of the project's artifact store that hold the text of user:ann. */
const holders = (cwd: string): string[] =>
  readdirSync(join(cwd, ".loam"), { recursive: true, encoding: "utf8" }).filter(name => {
    const path = join(cwd, ".loam", name);
    return statSync(path).isFile() && readFileSync(path, "latin1").includes("Kestrel brewery");
  });

deepTest("docs/privacy.md: every command runs, the erasure is certified, and no file holds the person's text behind it", async () => {
  const cwd = temporaryFolder("privacy");
  const model = "purpose: { for: support, consent: true, lacking: drop }\n    train: { on: tickets, tokens: 4000, rows: 8, rate: 0.02 }";
  writeTickets(cwd, ticketsYaml("", model), { count: 80, every: 20 });
  await followPage(page("privacy.md"), {
    cwd,
    parts: ["loam.yaml"],
    before: {
      "loam data subject user:ann --to": async () => {
        const { code, stdout, stderr } = await loam(["run"], { cwd });
        expect(code, stderr).toBe(0);
        expect(stdout).toContain("1 dropped (purpose 1, consent 0)");
        expect(holders(cwd)).not.toEqual([]);
      },
    },
  });
  const { documents, models } = JSON.parse(readFileSync(join(cwd, "ann.json"), "utf8")) as SubjectData;
  expect([documents.map(d => d.id.replace(/.*#/, "")), models]).toEqual([["a1", "a21", "a41", "a61"], ["tiny@1"]]);
  expect(documents.find(d => d.id.endsWith("#a21"))).toMatchObject({ purpose: null, trainedOnIt: [] });
  const certificate = JSON.parse(readFileSync(join(cwd, "ann-erasure.json"), "utf8")) as ErasureCertificate;
  expect([isCertificate(certificate), isAbout(certificate, "user:ann"), certificate.statement.found]).toEqual([true, true, 0]);
  expect(holders(cwd)).toEqual([]);
  expect(jsonLines(readFileSync(join(cwd, "people-k3.jsonl"), "utf8"))).toHaveLength(8);
});

deepTest("docs/unlearning.md: every command runs, and versions without a person's documents are measured as the page shows", async () => {
  const cwd = temporaryFolder("unlearning");
  const model = "train: { on: tickets, tokens: 60000, rows: 8, rate: 0.02, evaluateEvery: 1000 }";
  writeTickets(cwd, ticketsYaml(", split: { heldOut: 0.3 }", model), { count: 120, every: 4 });
  const { code, stderr } = await loam(["run"], { cwd });
  expect(code, stderr).toBe(0);
  await followPage(page("unlearning.md"), { cwd });
  const certificate = JSON.parse(readFileSync(join(cwd, "ann.json"), "utf8")) as ErasureCertificate;
  expect([isCertificate(certificate), certificate.statement.found]).toEqual([true, 0]);
  expect(certificate.statement.unlearned).toMatchObject([{ of: "tiny@1", method: "npo", version: "tiny@2" }]);
});
