/** Encoders that tell classes of texts, through TensorFlow Serving's and the Open Inference contract. */
import { afterAll, expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { bertConfig, type ClassifierConfig, classLogits, type Encoder, encoderSpec, encoderStates, initialise } from "../../nn/index.ts";
import { compile, openDevice, slice, type Tensor } from "../../tensor/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { servedEncoder } from "../embedding/served-encoder.ts";
import { Engines } from "../engines.ts";
import { byteTokenizer } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { askClassifier } from "./asked-classifier.ts";

const device = openDevice("cpu", { threads: 1 });
const classifiers = {
  mood: { labels: ["sad", "glad", "neither"], kind: "one" },
  topics: { labels: ["work", "money"], kind: "several" },
  score: { labels: ["LABEL_0"], kind: "value" },
  careful: { labels: ["sad", "glad", "neither"], kind: "one", threshold: { label: "sad", at: 0 } },
  byGroup: {
    labels: ["sad", "glad", "neither"],
    kind: "one",
    threshold: { label: "sad", at: 0 },
    groupThresholds: {
      attribute: "sex",
      label: "sad",
      goal: "equalisedOdds",
      bound: 0.02,
      groups: [
        { group: "f", at: null },
        { group: "m", at: 0 },
      ],
    },
  },
  never: { labels: ["sad", "glad", "neither"], kind: "one", threshold: { label: "sad", at: null } },
} as const satisfies Record<string, ClassifierConfig>;
const open = async (name: keyof typeof classifiers, temperature?: number) => {
  const size = { vocab: 257, width: 24, layers: 2, heads: 2, context: 40 };
  const config = { ...bertConfig(size), firstPosition: 2, classifier: classifiers[name], deviation: 0.3 };
  // those with a threshold have the same weights
  const seed = "threshold" in classifiers[name] ? "mood" : name;
  const parameters = await initialise(encoderSpec(config), device, seed);
  const id = temperature === undefined ? name : `${name}-calibrated`;
  const model = servedEncoder({
    id: `${id}@1`,
    name: id,
    version: 1,
    aliases: [id],
    ...defined({ temperature }),
    model: { family: "encoder", config, parameters },
    tokenizer: byteTokenizer,
    fingerprint: id,
  });
  const logits = compile((p: Encoder, t: Tensor) => classLogits(p, slice(encoderStates(config, p, t), undefined, [0, 1])), { device });
  return {
    engine: createEmbeddingEngine({ model, device, sizes: [64] }),
    logitsOf: async (text: string) => {
      const ids = Int32Array.from(Buffer.from(text));
      return [...(await (await logits(parameters, await device.array(ids, "i32", [1, ids.length]))).numbers())];
    },
  };
};
const opened = {
  mood: await open("mood"),
  topics: await open("topics"),
  score: await open("score"),
  careful: await open("careful"),
  byGroup: await open("byGroup"),
  never: await open("never"),
  calibrated: await open("mood", 2.5),
  carefulAndCalibrated: await open("careful", 2.5),
};
await Promise.all(Object.values(opened).map(o => o.engine.ready));
const server = await listen(createApp({ engines: [], encoders: Object.values(opened).map(o => o.engine), admin: true }), { port: 0 });
afterAll(() => server.close());

type Reply = ReturnType<typeof JSON.parse>;
const post = async (path: string, body: unknown): Promise<[number, Reply]> => {
  const r = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return [r.status, (await r.json()) as Reply];
};
const texts = ["a good day", "rain"];
const near = (got: readonly number[], want: readonly number[]) =>
  expect(Math.max(...want.map((w, i) => Math.abs(w - got[i]!)))).toBeLessThan(1e-5);

test("classes come with the softmax of the model's logits, the likeliest first, and predict gives them in the order of the labels", async () => {
  const [status, classified] = await post("/v1/models/mood:classify", { examples: texts.map(text => ({ text })) });
  const [, predicted] = await post("/v1/models/mood:predict", { instances: texts });
  expect(status).toBe(200);
  for (const [i, text] of texts.entries()) {
    const powers = (await opened.mood.logitsOf(text)).map(Math.exp);
    const want = powers.map(p => p / powers.reduce((a, b) => a + b));
    const { label, scores } = predicted.predictions[i];
    near(scores, want);
    expect(label).toBe(classifiers.mood.labels[want.indexOf(Math.max(...want))]);
    const sorted = [...classified.result[i]].sort(([, a], [, b]) => b - a);
    expect(classified.result[i]).toEqual(sorted);
    expect(Object.fromEntries(classified.result[i])).toEqual(Object.fromEntries(classifiers.mood.labels.map((l, k) => [l, scores[k]])));
  }
});

test("a list of models says which contract each answers", async () => {
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as Reply;
  const tells = Object.fromEntries((data as { id: string; tells: string }[]).map(m => [m.id, m.tells]));
  expect(tells).toMatchObject({ mood: "classes", topics: "classes", score: "numbers", never: "classes" });
  const { model } = (await (await fetch(`${server.url}/api/overview`)).json()) as Reply;
  expect(model).toMatchObject({ id: "mood@1", context: data[0].max_model_len });
});

test("labels that hold or not have a probability each, and a plain number is answered to regress", async () => {
  const [, topics] = await post("/v1/models/topics:predict", { instances: [texts[0]] });
  near(
    topics.predictions[0].scores,
    (await opened.topics.logitsOf(texts[0]!)).map(x => 1 / (1 + Math.exp(-x))),
  );
  const [, regressed] = await post("/v1/models/score:regress", { examples: texts.map(text => ({ text })) });
  for (const [i, text] of texts.entries()) near([regressed.result[i]], await opened.score.logitsOf(text));
  const [refused, error] = await post("/v1/models/mood:regress", { examples: [{ text: "a" }] });
  expect([refused, error.error]).toEqual([400, expect.stringMatching(/answers no regress/)]);
});

/** Texts of which two labels are the likeliest. */
const many = Array.from({ length: 40 }, (_, i) => `${"abcdefgh"[i % 8]}${i} day ${i * i}`);
/** What a contract tells of texts: the label and its own probability. */
type Told = readonly (readonly [label: string, score: number])[];
const contracts: Readonly<Record<string, (model: string) => Promise<Told>>> = {
  "TensorFlow Serving, predict": async model => {
    const [, { predictions }] = await post(`/v1/models/${model}:predict`, { instances: many });
    return predictions.map((p: Reply) => [p.label, p.scores[classifiers.mood.labels.indexOf(p.label)]]);
  },
  "TensorFlow Serving, classify": async model => {
    const [, { result }] = await post(`/v1/models/${model}:classify`, { examples: many.map(text => ({ text })) });
    // behind the label that is told the others stand in the order of their scores
    for (const [, ...rest] of result) expect(rest).toEqual([...rest].sort(([, a]: Reply, [, b]: Reply) => b - a));
    return result.map((r: Reply) => r[0]);
  },
  "the Open Inference Protocol": async model => {
    const [, { outputs }] = await post(`/v2/models/${model}/infer`, {
      inputs: [{ name: "text", shape: [many.length], datatype: "BYTES", data: many }],
    });
    const [labels, scores] = outputs.map((o: Reply) => o.data);
    return labels.map((label: "sad", i: number) => [label, scores[3 * i + classifiers.mood.labels.indexOf(label)]]);
  },
  "SageMaker, instances": async model => {
    const [, { predictions }] = await post("/invocations", { model, instances: many });
    return predictions.map((p: Reply) => [p.label, p.scores[classifiers.mood.labels.indexOf(p.label)]]);
  },
  "SageMaker, inputs": async model => {
    const [status, answer] = await post("/invocations", { model, inputs: many });
    expect(status).toBe(200);
    return answer.map((a: Reply) => [a.label, a.score]);
  },
};

test.each(Object.entries(contracts))(
  "%s tells the same labels of a calibrated model, with the probabilities over its temperature",
  async (_, ask) => {
    const logits = await Promise.all(many.map(t => opened.mood.logitsOf(t)));
    for (const model of ["mood", "careful"]) {
      const [plain, told] = [await ask(model), await ask(`${model}-calibrated`)];
      expect(told.map(([label]) => label)).toEqual(plain.map(([label]) => label));
      const want = told.map(([label], i) => {
        const powers = logits[i]!.map(x => Math.exp(x / 2.5));
        return powers[classifiers.mood.labels.indexOf(label as "sad")]! / powers.reduce((a, b) => a + b);
      });
      near(
        told.map(([, score]) => score),
        want,
      );
      expect(Math.max(...want.map((w, i) => Math.abs(w - plain[i]![1])))).toBeGreaterThan(0.01);
    }
  },
);

test("a calibrated model says which temperature it is over, any other one nothing", async () => {
  const get = async (path: string) => (await (await fetch(`${server.url}${path}`)).json()) as Reply;
  const calibration = { method: "temperature scaling", temperature: 2.5 };
  expect(await get("/v1/models/mood-calibrated")).toMatchObject({ calibration });
  expect(await get("/v1/models/mood-calibrated/metadata")).toMatchObject({ calibration });
  const parameters = { calibration: "temperature scaling", temperature: 2.5 };
  expect(await get("/v2/models/mood-calibrated")).toMatchObject({ parameters });
  const inputs = [{ name: "text", shape: [1], datatype: "BYTES", data: ["rain"] }];
  expect((await post("/v2/models/mood-calibrated/infer", { inputs }))[1]).toMatchObject({ parameters });
  for (const path of ["/v1/models/mood", "/v1/models/mood/metadata", "/v2/models/mood"])
    expect(JSON.stringify(await get(path))).not.toMatch(/calibration|temperature/);
  expect((await post("/v2/models/mood/infer", { inputs }))[1]).not.toHaveProperty("parameters");
});

test.each(Object.entries(contracts))("%s tells what the model's threshold decides, with that label's own probability", async (_, ask) => {
  const [, { predictions }] = await post("/v1/models/mood:predict", { instances: many });
  const scores: number[][] = predictions.map((p: Reply) => p.scores);
  const { labels } = classifiers.mood;
  const likeliest = scores.map(row => labels[row.indexOf(Math.max(...row))]);
  expect(new Set(likeliest)).toEqual(new Set(["sad", "neither"]));
  const told = (which: readonly (string | undefined)[]) => which.map((l, i) => [l, scores[i]![labels.indexOf(l as "sad")]]);
  expect(await ask("mood")).toEqual(told(likeliest));
  expect(await ask("careful")).toEqual(told(many.map(() => "sad")));
  expect(await ask("never")).toEqual(told(scores.map(([, glad, neither]) => (neither! > glad! ? "neither" : "glad"))));
});

/** Groups of the first texts; the third names none, and the common threshold takes it. */
const named = ["f", "m", null] as const;
/** What each contract answers to texts of these groups: their labels, and the headers. */
const grouped: Readonly<
  Record<string, (model: string, groups: readonly (string | null)[]) => Promise<[labels: string[], Headers, number, Reply]>>
> = {
  "TensorFlow Serving, rows": async (model, groups) => {
    const instances = groups.map((group, i) => ({ text: many[i], ...(group === null ? {} : { group }) }));
    const [answer, headers, status] = await raw(`/v1/models/${model}:predict`, { instances });
    return [answer.predictions?.map((p: Reply) => p.label), headers, status, answer];
  },
  "TensorFlow Serving, columns": async (model, groups) => {
    const [answer, headers, status] = await raw(`/v1/models/${model}:predict`, {
      inputs: { text: many.slice(0, groups.length), group: groups },
    });
    return [answer.outputs?.label, headers, status, answer];
  },
  "TensorFlow Serving, classify": async (model, groups) => {
    const examples = groups.map((group, i) => ({ text: [many[i]], ...(group === null ? {} : { group: [group] }) }));
    const [answer, headers, status] = await raw(`/v1/models/${model}:classify`, { examples });
    return [answer.result?.map((r: Reply) => r[0][0]), headers, status, answer];
  },
  "the Open Inference Protocol": async (model, groups) => {
    const tensor = (name: string, data: readonly unknown[]) => ({ name, shape: [data.length], datatype: "BYTES", data });
    const inputs = [
      tensor(
        "group",
        groups.map(g => g ?? ""),
      ),
      tensor("text", many.slice(0, groups.length)),
    ];
    const [answer, headers, status] = await raw(`/v2/models/${model}/infer`, { inputs });
    return [answer.outputs?.[0].data, headers, status, answer];
  },
  "SageMaker, inputs": async (model, groups) => {
    const [answer, headers, status] = await raw("/invocations", {
      model,
      inputs: many.slice(0, groups.length),
      parameters: { group: groups },
    });
    return [Array.isArray(answer) ? answer.map((a: Reply) => a.label) : [], headers, status, answer];
  },
};
const raw = async (path: string, body: unknown): Promise<[Reply, Headers, number]> => {
  const r = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return [(await r.json()) as Reply, r.headers, r.status];
};

test.each(Object.entries(grouped))(
  "%s decides by the threshold of the group that the request names; without a group the common one decides, and the response says for how many",
  async (_, ask) => {
    const [, { predictions }] = await post("/v1/models/never:predict", { instances: many.slice(0, 1) });
    const [labels, headers] = await ask("byGroup", named);
    expect(labels).toEqual([predictions[0].label, "sad", "sad"]);
    expect(headers.get("x-loam-common-threshold")).toBe("1");
    expect((await ask("byGroup", ["m", "f"]))[1].has("x-loam-common-threshold")).toBe(false);
    const [, , status, answer] = await ask("byGroup", ["f", "x"]);
    expect([status, JSON.stringify(answer)]).toEqual([400, expect.stringMatching(/a group by .*sex.*: f, m/)]);
    // a model of one threshold decides as it does without groups, and has nothing to say of them
    const [plain, plainHeaders] = await ask("mood", [null, null]);
    expect((await ask("mood", ["f", "x"]))[0]).toEqual(plain);
    expect(plainHeaders.has("x-loam-common-threshold")).toBe(false);
  },
);

test("predictions of a model with thresholds of groups say whose threshold decided, and its metadata which groups have one", async () => {
  const instances = named.map((group, i) => ({ text: many[i], group }));
  const [, { predictions }] = await post("/v1/models/byGroup:predict", { instances });
  expect(predictions.map((p: Reply) => p.threshold)).toEqual(["sex=f", "sex=m", "common"]);
  const get = async (path: string) => (await (await fetch(`${server.url}${path}`)).json()) as Reply;
  const group_thresholds = { attribute: "sex", label: "sad", goal: "equalisedOdds", groups: ["f", "m"] };
  expect(await get("/v1/models/byGroup/metadata")).toMatchObject({ group_thresholds });
  expect(await get("/v1/models/byGroup")).toMatchObject({ group_thresholds });
  const said = await get("/v2/models/byGroup");
  expect([said.inputs, said.outputs].map(list => list.map((t: Reply) => t.name))).toEqual([
    ["text", "group"],
    ["label", "scores", "threshold"],
  ]);
  for (const path of ["/v1/models/mood", "/v1/models/mood/metadata", "/v2/models/mood"])
    expect(JSON.stringify(await get(path))).not.toMatch(/group/);
  const [, plain] = await post("/v1/models/mood:predict", { instances: instances.slice(0, 1) });
  expect(Object.keys(plain.predictions[0])).toEqual(["label", "scores"]);
  const [status, { error }] = await post("/v1/models/byGroup:predict", { instances: [{ text: "a", group: { no: 1 } }] });
  expect([status, error]).toEqual([400, expect.stringMatching(/group/)]);
});

test("moderations of a model with thresholds of groups are of their class, decided by each text's group", async () => {
  // nothing that is read as a disguise
  const plain = ["a good day", "rain", "the wind", "a cloud"];
  const ask = async (body: object): Promise<[Reply, Headers, number]> => raw("/v1/moderations", { model: "byGroup", ...body });
  const [, { predictions }] = await post("/v1/models/byGroup:predict", { instances: plain });
  const [{ results }, headers] = await ask({ input: plain, group: ["f", "m", null, "nowhere"] });
  expect(results.map((r: Reply) => [r.flagged, r.categories])).toEqual([false, true, true, true].map(sad => [sad, { sad }]));
  // a group without a threshold is decided as a text without a group is, and counted with it
  expect(headers.get("x-loam-common-threshold")).toBe("2");
  near(
    results.map((r: Reply) => r.category_scores.sad),
    predictions.map((p: Reply) => p.scores[0]),
  );
  const flags = async (body: object) => {
    const [answer, told] = await ask(body);
    return [answer.results.map((r: Reply) => r.flagged), told.get("x-loam-common-threshold"), told.get("x-loam-ignored")];
  };
  expect(await flags({ input: plain.slice(0, 2), group: "f" })).toEqual([[false, false], null, null]);
  expect(await flags({ input: plain.slice(0, 2) })).toEqual([[true, true], "2", null]);
  expect(await flags({ model: "careful", input: "a", group: "f" })).toEqual([[true], null, "group"]);
  expect((await flags({ model: "topics", input: "a", group: ["f"] })).slice(1)).toEqual([null, "group"]);
  const [wrong, , status] = await ask({ input: plain.slice(0, 2), group: ["f"] });
  expect([status, wrong.error.param, wrong.error.message]).toEqual([400, "group", expect.stringContaining("2 groups, as many as inputs")]);
  const [none, , refused] = await ask({ model: "mood", input: "a" });
  expect([refused, none.error.message]).toEqual([400, expect.stringContaining("one with a threshold for a class")]);
});

test("the Open Inference Protocol gives labels and scores as tensors, and says their shapes", async () => {
  const body = { inputs: [{ name: "text", shape: [2], datatype: "BYTES", data: texts }] };
  const [status, answer] = await post("/v2/models/mood/infer", body);
  expect(status).toBe(200);
  const [, predicted] = await post("/v1/models/mood:predict", { instances: texts });
  expect(answer.outputs).toEqual([
    { name: "label", datatype: "BYTES", shape: [2], data: predicted.predictions.map((p: Reply) => p.label) },
    { name: "scores", datatype: "FP32", shape: [2, 3], data: predicted.predictions.flatMap((p: Reply) => p.scores) },
  ]);
  const said = (await (await fetch(`${server.url}/v2/models/mood`)).json()) as Reply;
  expect(said.outputs.map((o: Reply) => [o.name, o.shape])).toEqual([
    ["label", [-1]],
    ["scores", [-1, 3]],
  ]);
});

test("who asks a classifier for embeddings is told where classes are", async () => {
  const [status, { error }] = await post("/v1/embeddings", { model: "mood", input: "a" });
  expect([status, error.message]).toEqual([400, expect.stringMatching(/"mood@1", a classifier\. Ask \/v1\/models\/mood:classify/)]);
});

test("the server itself is told what a request is told, by a version it can name; a model whose classes do not exclude each other is refused", async () => {
  const engines = new Engines(
    [],
    Object.values(opened).map(o => o.engine),
  );
  const { signal } = new AbortController();
  const ask = (model: string) =>
    askClassifier(engines, { model, user: "labels", signal }, async c => ({
      of: [c.version, c.fingerprint],
      ...(await c.classify(texts)),
    }));
  const { of, labels, scores } = await ask("mood");
  const [, predicted] = await post("/v1/models/mood:predict", { instances: texts });
  expect(of).toEqual(["mood@1", opened.mood.engine.fingerprint]);
  expect(labels).toEqual(classifiers.mood.labels);
  expect(scores).toEqual(predicted.predictions.map((p: { scores: number[] }) => p.scores));
  for (const model of ["topics", "score"])
    await expect(ask(model)).rejects.toThrow(/whose classes exclude each other, got (topics|score)@1/);
  await expect(ask("nobody")).rejects.toThrow(/one of mood@1/);
});
