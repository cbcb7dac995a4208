import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import type { Json } from "../../base/index.ts";
import { type StoredTrial, storeErrors } from "../../store/index.ts";
import { parseSpace, type VerdictReport } from "../../tune/index.ts";
import { checkProject, parseProject } from "../project-file.ts";
import { candidateRefusal } from "./refusal.ts";
import { usualPoint } from "./trial-tree.ts";
import { doubtOf } from "./verdict.ts";
import { pointLines, withPoint } from "./winner.ts";

const file = (searches: string) => `# ours
data:
  mail:
    source: { folder: texts, reader: text }
    steps: [clean, { length: { minWords: 5 } }] # short ones say nothing
tokenizer: { vocab: 300, from: mail }
models:
  small:
    layers: 1
    width: 16
    heads: 2
    context: 32
    train: { on: mail, tokens: 4k, rate: 0.01 } # from the paper
searches:
  rate:
    model: small
    ${searches}
`;
const parsed = (space: string, more = "") => parseProject(file(`space: ${space}\n    ${more}`), "loam.yaml");

describe("the searches of a project file", () => {
  test("any path of the entry, of data and of the tokenizer may vary, conditions hold for the check too", () => {
    const { searches } = parsed(`
      train.rate: { from: 1e-3, to: 1e-1, log: true }
      train.optimizer.kind: [adamw, muon]
      train.optimizer.momentum: { from: 0.8, to: 0.99, when: { train.optimizer.kind: [muon] } }
      data.mail.steps.length.minWords: { from: 1, to: 50, integer: true }
      tokenizer.vocab: [300, 400]`);
    expect(searches.rate).toMatchObject({ sampler: "tpe", pruner: "median", objectives: ["heldOut"], trials: 20 });
  });

  test.each([
    ["{ train.rte: [1, 2] }", /loam\.yaml: searches\.rate\.space\.train\.rte: expected a known key, got "rte" .*Did you mean "rate"\?/],
    ["{ train.rate: [0.1, -1] }", /searches\.rate\.space\.train\.rate: .*got -1/],
    ["{ train.optimizer.kind: [adamw, sgd] }", /searches\.rate\.space\.train\.optimizer\.kind: .*"sgd"/],
    ["{ layers: { from: 1, to: 2.5 } }", /searches\.rate\.space\.layers: .*2\.5/],
    ["{ data.post.split.heldOut: [0.1, 0.2] }", /searches\.rate\.space\.data\.post\.split\.heldOut/],
    ["{ data.mail.steps.lenght.minWords: [1, 2] }", /expected an item of the list: clean, length, got "lenght"/],
    ["{ layers.deep: [1, 2] }", /searches\.rate\.space\.layers\.deep: expected a part of the configuration that has "deep", got 1/],
    ["{ layers: { from: 3, to: 1 } }", /searches\.rate\.space\.layers: expected from below to/],
    ["{}", /searches\.rate\.space: expected a parameter or more/],
  ])("%s is refused at once, by its place", (space, message) => expect(() => parsed(space)).toThrow(message));

  const tuned = (tune: string, space: string, tokenizer = "words") =>
    parseProject(
      file("space: { layers: [1, 2] }")
        .replace(
          "tokenizer:",
          "  words: { source: { folder: words, reader: text } }\n  other: { source: { folder: other, reader: text } }\ntokenizer:",
        )
        .replace("from: mail }", `from: ${tokenizer} }`)
        .replace("searches:", `  far: { base: minilm, tune: { ${tune} } }\n  near: { base: small, tune: { ${tune} } }\nsearches:`)
        .replace(
          "model: small\n    space: { layers: [1, 2] }",
          `model: ${space.startsWith("far") ? "far" : "near"}\n    space: ${space.slice(space.indexOf("{"))}`,
        ),
      "loam.yaml",
    );
  const classes = "task: classify, on: mail, label: topic";
  const answers = 'task: instruct, on: mail, columns: { user: "{{text}}", assistant: "{{topic}}" }';

  test("a tuning is searched over the data that it and its bases are made of, whatever the task", () => {
    const space = "{ data.mail.steps.length.minWords: [1, 9], data.mail.split.heldOut: [0.1, 0.2], tune.rate: [0.1, 0.2] }";
    for (const tune of [classes, answers, "task: embed, on: ./pairs.jsonl", "task: preference, on: ./pairs.jsonl"])
      expect(tuned(tune, `near ${space}`).searches.rate!.model).toBe("near");
    expect(tuned(classes, `far ${space}`).searches.rate!.model).toBe("far");
    expect(tuned(classes, "near { data.mail.mixture.maxEpochs: [1, 2] }").searches.rate!.model).toBe("near");
  });

  test.each([
    [
      classes,
      "near { data.other.steps: [[clean], [deduplicate]] }",
      /space\.data\.other\.steps: expected a path of data\.mail, data\.words/,
    ],
    [
      "task: embed, on: ./pairs.jsonl",
      "far { data.mail.steps: [[clean], []] }",
      /a path of the model's own entry: it is made of no data set/,
    ],
    [classes, "near { tokenizer.vocab: [300, 400] }", /space\.tokenizer\.vocab: expected a path of the model's own entry or of its data/],
    [classes, "far { data.mail.mixture.maxEpochs: [1, 2] }", /data\.mail\.mixture\.maxEpochs.*a tuning takes each document once/],
    [answers, "near { data.words.steps: [[clean], []] }", /data\.words\.steps: expected data that the tokenizer is not made of/],
    [classes, "near { data.mail.steps.length.minWord: [1, 2] }", /data\.mail\.steps\.length\.minWord.*Did you mean "minWords"/],
  ])("of a tuning (%s) %s is refused, with what it may be", (tune, space, message) => expect(() => tuned(tune, space)).toThrow(message));

  test("unknown keys, samplers, models and objectives are named with the nearest right one", () => {
    expect(() => parsed("{ layers: [1, 2] }", "trails: 3")).toThrow(/searches\.rate\.trails.*Did you mean "trials"\?/);
    expect(() => parsed("{ layers: [1, 2] }", "sampler: tpee")).toThrow(/searches\.rate\.sampler.*Did you mean "tpe"\?/);
    expect(() => parsed("{ layers: [1, 2] }", "objectives: [heldout]")).toThrow(/Did you mean "heldOut"\?/);
    expect(() => parseProject(file("space: { layers: [1, 2] }").replace("model: small", "model: smal"), "loam.yaml")).toThrow(
      /searches\.rate\.model.*Did you mean "small"\?/,
    );
    expect(() => parsed("{ layers: [1, 2] }", "objectives: [errors]")).toThrow(
      /searches\.rate\.objectives: expected no errors of a model that is trained on texts/,
    );
    expect(() => parsed("{ layers: [1, 2] }", "sampler: cma-es")).toThrow(/searches\.rate.*a range without a condition/);
  });
});

test("the configuration as it is takes the option that comes to the same, written, by default or in another form", () => {
  const space = parseSpace({
    "tune.method": ["full", "lora"],
    "tune.method.lora.rank": { options: [4, 8], when: { "tune.method": ["lora"] } },
  });
  const usual = (method: string) => {
    const text = file("space: { layers: [1, 2] }").replace(
      "searches:",
      `  near: { base: small, tune: { task: classify, on: mail, label: kind${method} } }\nsearches:`,
    );
    const raw = parseYaml(text) as Json;
    const given = { raw, config: parseProject(text, "loam.yaml"), model: "near", space };
    return usualPoint({ ...given, check: tree => checkProject({ ...(tree as object) }, "loam.yaml") });
  };
  for (const method of ["", ", method: full", ", method: { full: {} }"]) expect(usual(method), method).toEqual({ "tune.method": "full" });
  expect(usual(", method: { lora: { rank: 4 } }")).toEqual({ "tune.method": "lora", "tune.method.lora.rank": 4 });
  // a way of training that no option is stays what it is
  const other = usual(", method: { lora: { rank: 4, alpha: 3 } }");
  expect(other["tune.method"]).toMatchObject({ lora: { rank: 4, alpha: 3 } });
});

test("a candidate that is in the file and has no version yet is told by what makes one, any other by its own error", () => {
  const text = file("space: { layers: [1, 2] }").replace(
    "searches:",
    "  near: { base: small, tune: { task: classify, on: mail, label: kind } }\nsearches:",
  );
  const project = { config: parseProject(text, "loam.yaml") };
  const unknown = (name: string) =>
    candidateRefusal(storeErrors.fail("notFound", { place: name, expected: "a model", received: name }), name, project);
  expect(unknown("small")).toContain("`loam train small`");
  expect(unknown("near")).toContain("`loam tune near`");
  expect(unknown("smal")).toBe("smal: expected a model, got smal.");
});

describe("the winner's values", () => {
  const point = { "train.rate": 0.02, "train.optimizer.kind": "adamw", "data.mail.steps.length.minWords": 9, layers: 2 };

  test("go into the file where they belong; everything else stays, comments too", () => {
    const before = file("space: { layers: [1, 2] }");
    const after = withPoint(before, "small", point, "loam.yaml");
    const config = parseProject(after, "loam.yaml");
    expect(config.models.small).toMatchObject({ layers: 2, train: { rate: 0.02, optimizer: { kind: "adamw" } } });
    expect(after).toContain("train: { on: mail, tokens: 4k, rate: 0.02, optimizer: { kind: adamw } } # from the paper");
    expect(after).toContain("steps: [clean, { length: { minWords: 9 } }] # short ones say nothing");
    const gone = before.split("\n").filter(l => !after.split("\n").includes(l));
    expect(gone).toHaveLength(3);
  });

  test("are shown as the lines that would say them", () =>
    expect(pointLines("small", { "train.rate": 0.02, layers: 2 })).toEqual([
      "models:",
      "  small:",
      "    train:",
      "      rate: 0.02",
      "    layers: 2",
    ]));
});

test("--write takes a trial only where it is significantly better than the configuration as it is, or where that one failed", () => {
  const trial = (number: number, more: Partial<StoredTrial>): StoredTrial =>
    ({ number, state: "done", origin: "sampler", ...more }) as StoredTrial;
  const usual = (state: StoredTrial["state"]) => [trial(0, { origin: "default", state }), trial(1, {})];
  const verdict = (difference: number, isSignificant: boolean, against: "default" | "runnerUp" = "default"): VerdictReport => ({
    documents: 40,
    groups: 40,
    bytes: 40,
    winner: { model: "m", value: 1 },
    comparisons: [{ against, value: 1, difference, low: 0, high: 0, p: 0.2, isSignificant, detectable: 1 }],
  });
  expect(doubtOf(usual("done"), verdict(0.1, true))).toBeUndefined();
  expect(doubtOf(usual("done"), verdict(0.1, false))).toBe("no significant difference to the configuration as it is (p = 0.200)");
  expect(doubtOf(usual("done"), verdict(-0.1, true))).toMatch(/significantly worse/);
  expect(doubtOf(usual("done"), verdict(0.1, true, "runnerUp"))).toMatch(/nothing is held out/);
  expect(doubtOf(usual("done"), undefined)).toMatch(/nothing is held out/);
  expect(doubtOf(usual("running"), verdict(0.1, true))).toMatch(/not been tried to its end/);
  expect(doubtOf(usual("failed"), undefined)).toBeUndefined();
});
