import { expect, test } from "vitest";
import { modelNameOf, parseProject } from "./project-file.ts";

const data = "data: { mail: { source: { folder: texts, reader: text } } }\n";
const tuned = (tune: string): string => `${data}models: { topics: { base: minilm, tune: { task: classify, on: mail, ${tune} } } }\n`;
const gateway = (part: string): string => `${tuned("")}serve: { model: topics }\ngateway: ${part}\n`;
const sentence = (text: string): string => {
  try {
    parseProject(text, "loam.yaml");
    return "accepted";
  } catch (error) {
    return (error as Error).message;
  }
};

test("a misspelt key anywhere in the file is an error that names its place and the nearest right one", () => {
  expect(sentence(tuned(""))).toBe("accepted");
  expect(sentence(tuned("epoch: 3"))).toBe(
    'loam.yaml: models.topics.tune.epoch: expected a known key, got "epoch". Did you mean "epochs"?',
  );
  expect(sentence(gateway("{ upstreams: { other: { url: http://127.0.0.1:1/v1, timeout: { idle: 1s } } } }"))).toBe(
    'loam.yaml: gateway: upstreams.other.timeout: expected a known key, got "timeout". Did you mean "timeouts"?',
  );
  expect(sentence(gateway("{ access: { polices: [] } }"))).toBe(
    'loam.yaml: gateway: access: polices: expected a known key, got "polices". Did you mean "policies"?',
  );
  expect(sentence(gateway("{ listen: { trustedProxy: 1 } }"))).toContain('Did you mean "trustedProxies"?');
  expect(sentence(tuned("").replace("reader: text } }", "reader: text }, augment: [{ method: word-drop, options: { rat: 0.1 } }] }"))).toBe(
    'loam.yaml: data.mail.augment.methods[0].options.rat: expected a known key, got "rat". Did you mean "rate"?',
  );
});

test("serve.model with a model that the file does not make names the form for an imported one", () => {
  expect(sentence("serve: { model: smollm2@1 }\n")).toBe(
    'loam.yaml: serve.model: expected a model (none is defined), got "smollm2". For an imported model write serve: { models: { smollm2: {} } }.',
  );
  expect(sentence("serve: { models: { smollm2: {} } }\n")).toBe("accepted");
  expect(sentence(`${tuned("")}serve: { model: topic }\n`)).toMatch(/Did you mean "topics"\?$/);
});

test("a file without data or tokenizer names the model that needs it, not a record; one without anything says what can be in it", () => {
  const models = "models: { small: { layers: 1, width: 32, heads: 2, context: 32, train: { on: mail, tokens: 10k, rate: 0.01 } } }\n";
  expect(sentence(models)).toBe(
    "loam.yaml: data: expected the data set that models.small is trained on, got nothing. Add for example `data: { mail: { source: { folder: texts, reader: text } } }`.",
  );
  expect(sentence(data + models)).toBe(
    "loam.yaml: tokenizer: expected the tokenizer of models.small, which is trained from scratch, got nothing. Add for example `tokenizer: { vocab: 4096, from: mail }`.",
  );
  expect(sentence("name: x\n")).toBe(
    "loam.yaml: expected one of data, models, serve, gateway, got name. `loam init` writes a project; `loam data look FOLDER` writes a data set.",
  );
  expect(sentence("")).toContain("loam.yaml: expected one of data, models, serve, gateway, got nothing.");
  expect(sentence(`dta: {}\n${models}`)).toContain('Did you mean "data"?');
});

test("a key that is missing is named with what it is for; where kinds differ in it, nothing is guessed", () => {
  const small = (tokenizer: string, more: string) => `${data}tokenizer: { ${tokenizer} }\nmodels: { small: { ${more} } }\n`;
  const shape = "layers: 1, width: 32, heads: 2, context: 32";
  expect(sentence(small("vocab: 300", `${shape}, train: { on: mail, tokens: 10k, rate: 0.01 }`))).toBe(
    "loam.yaml: tokenizer.from: expected string, got nothing. `from`: Data set whose train side the tokenizer is trained on.",
  );
  expect(sentence(small("vocab: 300, from: mail", shape))).toBe(
    "loam.yaml: models.small.train: expected object, got nothing. `train`: Pre-training recipe.",
  );
  expect(sentence(`${data}models: { topics: { base: minilm, tune: { on: mail } } }\n`)).toMatch(
    /tune\.task: expected one of classify, .*got nothing\.$/,
  );
});

test("a gateway's part is accepted as it is written: durations, secrets, access", () => {
  const part = `
  demoKey: ann
  timeouts: { total: 5m }
  upstreams: { other: { url: http://127.0.0.1:1/v1, key: { env: KEY } } }
  access: { principals: { users: { ann: {} } }, policies: [{ id: all, effect: allow }] }`;
  expect(sentence(gateway(part))).toBe("accepted");
});

test("tokenizer expected object, got nothing: a file of data alone needs neither tokenizer nor models; a model that is trained needs both", () => {
  expect(sentence(data)).toBe("accepted");
  expect(sentence(`${data}models: {}\n`)).toBe("accepted");
  expect(sentence(`${data}models: { small: { train: { on: mail } } }\n`)).toContain("tokenizer");
  expect(sentence("name: mine\n")).toContain("data");
  const file = { folder: "", file: "loam.yaml", config: parseProject(data, "loam.yaml") };
  expect(() => modelNameOf(file, undefined)).toThrow("expected a model in loam.yaml, got none. `loam data run`");
});
