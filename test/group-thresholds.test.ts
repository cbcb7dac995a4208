/** Thresholds by group from `loam.yaml` to a served version: chosen on the validation part, kept in the version, told by the report and the card, used by requests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openProject } from "../src/project/index.ts";
import { openArtifact, openStore } from "../src/store/index.ts";
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

test("thresholds by group are part of a version: its report has decisions with and without them, and requests name their group", async () => {
  const cwd = temporaryFolder("group-thresholds");
  writeApplications(cwd);
  const tuned = async (more: string) => {
    writeFileSync(join(cwd, "loam.yaml"), yaml(more));
    const { code, stdout, stderr } = await loam(["tune", "hire", "--json"], { cwd });
    if (code !== 0) throw new Error(stderr + stdout);
    const { artifacts } = jsonLines(stdout).at(-1) as { artifacts: Record<string, string> };
    const store = await openStore({ root: cwd });
    const evaluation = await openArtifact(store, artifacts["evaluate/hire"]!);
    const text = await evaluation.read("report.json");
    await store.close();
    return { code, stderr, report: JSON.parse(text.toString("utf8")) as Report };
  };

  const plain = await tuned("");
  expect(plain.code, plain.stderr).toBe(0);
  expect(plain.report.groupThresholds).toBeUndefined();
  const grouped = await tuned(thresholds());
  expect(grouped.code, grouped.stderr).toBe(0);
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
