/** Thresholds by group from `loam.yaml` to a served version: chosen on the validation part, kept in the version, told by the report and the card, used by requests. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { openProject } from "../src/project/index.ts";
import { evaluationReport } from "../src/registry/index.ts";
import { consoleEvaluation } from "../src/serve/http/console-answers/evaluations.ts";
import { openArtifact, openStore, resolveVersion } from "../src/store/index.ts";
import { applicationsYaml, writeApplications } from "./support/applications.ts";
import { jsonLines, loam } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

const yaml = (more: string) => applicationsYaml(more).replace("validation: 0.1", "validation: 0.3");
const thresholds = (more = "", group = "club") => `, thresholds: { group: ${group}, goal: demographicParity, bound: 0.05${more} }`;

interface Row {
  readonly by: string;
  readonly accuracy: number;
  readonly fairness: { readonly figures: readonly { readonly measure: string; readonly value: number }[] };
}
interface Report {
  readonly scores: readonly { readonly kind: string; readonly accuracy: { readonly value: number } }[];
  readonly fairness: Row["fairness"][];
  readonly groupThresholds?: {
    readonly attribute: string;
    readonly groups: readonly { readonly group: string; readonly at: number }[];
    readonly rows: readonly Row[];
  };
}
const parity = ({ figures }: Row["fairness"]) => figures.find(f => f.measure === "demographicParity")!.value;

const tuned = async (cwd: string, more: string) => {
  writeFileSync(join(cwd, "loam.yaml"), yaml(more));
  const { code, stdout, stderr } = await loam(["tune", "hire", "--json"], { cwd });
  if (code !== 0) throw new Error(stderr + stdout);
  const { artifacts } = jsonLines(stdout).at(-1) as { artifacts: Record<string, string> };
  const store = await openStore({ root: cwd });
  const evaluation = await openArtifact(store, artifacts["evaluate/hire"]!);
  const text = await evaluation.read("report.json");
  await store.close();
  return { stderr, report: JSON.parse(text.toString("utf8")) as Report };
};
/** A project with hire@1, which has no thresholds, and hire@2, which has them, for the tests that change neither. */
const cwd = mkdtempSync(join(tmpdir(), "loam-group-thresholds-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
writeApplications(cwd);
const plain = await tuned(cwd, "");
const grouped = await tuned(cwd, thresholds());

test("thresholds by group are part of a version: its report has decisions with and without them, and requests name their group", async () => {
  expect(plain.report.groupThresholds).toBeUndefined();
  const { groupThresholds, scores, fairness } = grouped.report;
  const [own, common] = groupThresholds!.rows;
  expect(groupThresholds!.groups.map(g => g.group)).toEqual(["chess", "rowing"]);
  // rowers were favoured: more is asked of them
  expect(groupThresholds!.groups[1]!.at).toBeGreaterThan(groupThresholds!.groups[0]!.at);
  expect([own!.by, common!.by]).toEqual(["group thresholds", "common threshold"]);
  expect(parity(own!.fairness)).toBeLessThan(parity(common!.fairness) / 2);
  // the report is of what is served, and the common row is what the version without them decides
  expect(scores.find(s => s.kind === "model")!.accuracy.value).toBe(own!.accuracy);
  expect(parity(fairness[0]!)).toBeCloseTo(parity(own!.fairness), 12);
  expect(parity(plain.report.fairness[0]!)).toBeCloseTo(parity(common!.fairness), 12);
  expect(grouped.stderr).toMatch(
    /Thresholds for yes by club \(demographicParity within 0.05 on the validation part\): chess 0\.\d{4}, rowing 0\.\d{4}/,
  );
  expect(grouped.stderr).toMatch(/gap of demographicParity on the validation part 0\.\d{3}/);

  const card = await loam(["models", "show", "hire@2"], { cwd });
  expect(card.stdout).toMatch(/decides by \| club: chess 0\.\d{4}, rowing 0\.\d{4} \(for yes, demographicParity\)/);

  await using project = await openProject(cwd);
  const server = await project.serve({ models: "hire@2", port: 0 });
  onTestFinished(async () => void (await server.close()));
  const predictions = async (model: string, instances: readonly object[]) => {
    const r = await fetch(`${server.url}/v1/models/${model}:predict`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ instances }),
    });
    return {
      status: r.status,
      common: r.headers.get("x-loam-common-threshold"),
      body: (await r.json()) as { predictions: { label: string; scores: number[]; threshold?: string }[] },
    };
  };
  // the console's API has the table of the report, as its contract says
  const listed = await (await fetch(`${server.url}/api/evaluations`, { headers: { authorization: `Bearer ${server.token}` } })).json();
  const evaluations = z.array(consoleEvaluation).parse(listed);
  const tables = evaluations.flatMap(e => ("groupThresholds" in e.report && e.report.groupThresholds ? [e.report.groupThresholds] : []));
  expect(tables).toEqual([groupThresholds]);

  const texts = ["careful fluent prompt oar boat river", "late vague absent rook pawn knight", "skilled careful late rook pawn oar"];
  for (const { group, at } of groupThresholds!.groups) {
    const { body, common: decided } = await predictions(
      "hire",
      texts.map(text => ({ text, group })),
    );
    expect(decided).toBeNull();
    for (const { label, scores: p, threshold } of body.predictions) {
      expect(label).toBe(p[1]! >= at ? "yes" : "no");
      expect(threshold).toBe(`club=${group}`);
    }
  }
  const without = await predictions(
    "hire",
    texts.map(text => ({ text })),
  );
  expect(without.common).toBe("3");
  for (const { label, scores: p, threshold } of without.body.predictions)
    expect([label, threshold]).toEqual([p[1]! > p[0]! ? "yes" : "no", "common"]);
});

test("loam eval decides each item by the threshold of its group, and reports what the common threshold would have decided", async () => {
  mkdirSync(join(cwd, "tasks"));
  const skills = ["careful fluent prompt", "late vague absent", "skilled careful late"];
  const items = Array.from({ length: 60 }, (_, i) => {
    const [club, words] = (
      [
        ["chess", "rook pawn knight"],
        ["rowing", "oar boat river"],
        ["", "rook oar"],
      ] as const
    )[i % 3]!;
    return { text: `case ${i} ${skills[((i / 3) % 3) | 0]} ${words}`, hired: i % 2 ? "yes" : "no", ...(club ? { club } : {}) };
  });
  writeFileSync(join(cwd, "tasks", "cases.jsonl"), items.map(r => `${JSON.stringify(r)}\n`).join(""));
  writeFileSync(
    join(cwd, "tasks", "cases.yaml"),
    'task: cases\ndata: { test: cases.jsonl }\nprompt: text\noutput: classify\nlabels: { "no": "no", "yes": "yes" }\ntarget: hired\nmetrics: [acc]\ngroups: { by: [club], positive: "yes", least: 10 }\n',
  );
  interface Evaluation {
    readonly scores: readonly { readonly metric: string; readonly value: number }[];
    readonly fairness: Row["fairness"][];
    readonly commonThreshold?: Pick<Evaluation, "scores" | "fairness"> & { readonly items: number; readonly differ: number };
  }
  const evaluated = async (version: string) => {
    const page = join(cwd, `${version}.html`);
    const { code, stdout, stderr } = await loam(["eval", "cases", "--model", version, "--report", page, "--json"], { cwd });
    expect(code, stderr).toBe(0);
    const { tasks } = jsonLines(stdout).at(-1) as unknown as { tasks: readonly Evaluation[] };
    return { stderr, report: tasks[0]!, page: readFileSync(page, "utf8") };
  };
  const [without, own] = [await evaluated("hire@1"), await evaluated("hire@2")];
  const { commonThreshold, fairness, scores } = own.report;
  expect(without.report.commonThreshold).toBeUndefined();
  // a third of the items has no club, which the common threshold decides
  expect(commonThreshold!.items).toBe(40);
  expect(commonThreshold!.differ).toBeGreaterThan(0);
  // the same weights without thresholds decide as the common threshold does
  expect(commonThreshold!.scores).toEqual(without.report.scores);
  expect(commonThreshold!.fairness).toEqual(without.report.fairness);
  expect(parity(fairness[0]!)).not.toBe(parity(commonThreshold!.fairness[0]!));
  expect(scores[0]!.value).not.toBe(commonThreshold!.scores[0]!.value);
  // the report page and the console have the same figures
  expect(own.page).toContain(`decided 40 items; by the common threshold ${commonThreshold!.differ} of them change.`);
  expect(own.page.match(/Groups by club/g)).toHaveLength(2);
  expect(without.page.match(/Groups by club|common threshold/g)).toEqual(["Groups by club"]);
  const store = await openStore({ root: cwd });
  const [shown] = await evaluationReport(store, await resolveVersion(store.records.read, "hire", "2"));
  await store.close();
  expect(shown!.commonThreshold).toEqual(commonThreshold);
  expect(own.stderr).toMatch(
    new RegExp(
      `the threshold of their group decided 40 items; by the common threshold ${commonThreshold!.differ} of them differ:\\n +acc `,
    ),
  );
});

test("packages and archives of deployments keep the thresholds; a page is refused, and what an export leaves out is said", async () => {
  const ran = async (args: readonly string[], at = cwd) => {
    const { code, stdout, stderr } = await loam([...args], { cwd: at });
    return { code, told: stderr + stdout };
  };
  const chosen = grouped.report.groupThresholds!.groups;
  const thresholdsIn = (config: string) =>
    (JSON.parse(config) as { config: { classifier: { groupThresholds?: { groups: unknown } } } }).config.classifier.groupThresholds?.groups;

  expect(await ran(["models", "pack", "hire@2", "--out", "hire.tar"])).toMatchObject({ code: 0 });
  const other = join(cwd, "other");
  mkdirSync(other);
  writeFileSync(join(other, "loam.yaml"), yaml("").replace(/releases:[\s\S]*?\n(?=device)/, ""));
  expect(await ran(["models", "unpack", join(cwd, "hire.tar"), "--name", "received"], other)).toMatchObject({ code: 0 });
  const store = await openStore({ root: other });
  const { artifact } = await resolveVersion(store.records.read, "received", "latest");
  expect(thresholdsIn((await (await openArtifact(store, artifact)).read("config.json")).toString("utf8"))).toEqual(chosen);
  await store.close();

  const endpoint = await ran(["deploy", "sagemaker", "received@1", "--to", "endpoint", "--unapproved"], other);
  expect(endpoint.code, endpoint.told).toBe(0);
  const archived = execFileSync("tar", ["xzOf", join(other, "endpoint", "model.tar.gz"), "config.json"], { encoding: "utf8" });
  expect(thresholdsIn(archived)).toEqual(chosen);

  const page = await ran(["deploy", "web", "received@1", "--to", "page", "--unapproved"], other);
  expect(page.told).toMatch(/expected a decoder, which continues texts, got an? (classifier|encoder)\. Export it: loam models export/);

  const exported = await ran(["models", "export", "hire@2", "--to", "hire.onnx", "--format", "onnx"]);
  for (const { group, at } of chosen) expect(exported.told).toContain(`for "yes" from a probability of ${at} on where club is "${group}"`);
  const without = await ran(["models", "export", "hire@1", "--to", "plain.onnx", "--format", "onnx"]);
  expect(without.told).not.toContain("threshold");
});

test("thresholds by an attribute that no document has, of a group below the least size, and without an outcome are refused by name before training", async () => {
  const cwd = temporaryFolder("group-thresholds-refused");
  writeApplications(cwd);
  const refused = async (text: string) => {
    writeFileSync(join(cwd, "loam.yaml"), text);
    const { code, stdout, stderr } = await loam(["tune", "hire", "--json"], { cwd });
    expect(code).not.toBe(0);
    return stderr + stdout;
  };
  expect(await refused(yaml(thresholds("", "clubb")))).toMatch(/thresholds.*clubb.*which no document has/);
  const small = await refused(yaml(thresholds(", least: 500")));
  expect(small).toMatch(/at least 500 validation texts of each group by \\?"club\\?".*\d+ of the group \\?"chess/);
  expect(small).not.toMatch(/"stage":"tune".*"event":"progress"/);
  expect(await refused(yaml(thresholds(', positive: "maybe"')))).toMatch(/one of the classes no, yes/);
  expect(await refused(yaml(thresholds()).replace(', positive: "yes", least: 20', ""))).toMatch(
    /thresholds.positive.*the class that counts as the outcome/,
  );
  expect(
    await refused(
      yaml(`${thresholds()}, costs: { positive: "no", falsePositive: 1, falseNegative: 2 }`).replace(
        "bound: 0.05",
        'bound: 0.05, positive: "yes"',
      ),
    ),
  ).toMatch(/thresholds.positive.*the positive class of costs, \\?"no/);
});
