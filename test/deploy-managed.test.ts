/** Folders for SageMaker, Cloud Run and Azure Functions: deterministic, valid where something here can tell, and the function app's handler under its own library. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { unzipSync } from "fflate";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { loam, root, startProcess } from "./support/child.ts";
import { lacksLint, lintTemplate } from "./support/deploy-python.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

interface Folder {
  readonly path: string;
  readonly files: readonly { readonly path: string; readonly digest: string }[];
  readonly facts: Readonly<Record<string, number | string | null>>;
}

async function deployed(
  cwd: string,
  target: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Folder> {
  const { code, stdout, stderr } = await loam(["deploy", target, "toy@latest", "--to", "out", "--json", ...args], { cwd, env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Folder;
}
const image = `europe-docker.pkg.dev/p/r/toy@sha256:${"a".repeat(64)}`;

test("model.tar.gz has the version's files with owner 0 and time 0, the same bytes from two folders", async () => {
  const [first, second] = [await trainedToy(), await trainedToy({}, join(temporaryFolder("other"), "deeper"))];
  const one = await deployed(first, "sagemaker");
  const two = await deployed(second, "sagemaker", [], { TZ: "Pacific/Auckland" });
  expect(two.files).toEqual(one.files);
  const listed = execFileSync("tar", ["tzvf", join(one.path, "model.tar.gz"), "--numeric-owner", "--utc"], { encoding: "utf8" });
  expect(listed).toMatch(/-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 weights\.safetensors/);
});

test.skipIf(lacksLint !== "")(`endpoints of each kind are valid by cfn-lint (${lacksLint || "runs"})`, async () => {
  const cwd = await trainedToy();
  const kinds = [
    ["--instances", "1:4"],
    ["--kind", "serverless", "--concurrency", "20"],
    ["--kind", "async", "--instances", "0:3"],
    [
      "--variant",
      "old=9,s3://bucket/old/model.tar.gz",
      "--weight",
      "1",
      "--shadow",
      "next=1,s3://bucket/next/model.tar.gz,1.dkr.ecr.eu-central-1.amazonaws.com/x:1",
    ],
  ];
  for (const [i, args] of kinds.entries()) {
    const { path } = await deployed(cwd, "sagemaker", [...args, "--to", `out-${i}`]);
    expect(lintTemplate(join(path, "template.yaml"))).toBe("");
  }
  const broken = join(cwd, "broken.yaml");
  writeFileSync(broken, readFileSync(join(cwd, "out-0", "template.yaml"), "utf8").replace("ProductionVariants", "ProductionVariant"));
  expect(lintTemplate(broken)).toMatch(/ProductionVariant/);
});

test("a Cloud Run service takes as many requests at once as there are sequences, and memory from the model", async () => {
  const cwd = await trainedToy();
  const { path, facts } = await deployed(cwd, "cloud-run", ["--image", image, "--slots", "6", "--instances", "1:3"]);
  const service = parse(readFileSync(join(path, "service.yaml"), "utf8"));
  const { template } = service.spec;
  expect(template.spec).toMatchObject({
    containerConcurrency: 6,
    containers: [
      {
        image,
        resources: { limits: { cpu: "2", memory: `${facts.memoryMb}Mi` } },
        startupProbe: { httpGet: { path: "/readyz", port: 8080 } },
      },
    ],
  });
  expect(Number(facts.memoryMb)).toBeGreaterThanOrEqual(Math.max(512, Number(facts.neededMb)));
  expect(template.metadata.annotations).toMatchObject({ "autoscaling.knative.dev/minScale": "1", "loam.version": "1" });
});

/** Unpacks a function app and calls its handler in a process of its own, as Azure's host does: its output, with a line `RESULT`. */
function calledApp(zip: string, body: object): string {
  const folder = temporaryFolder("app");
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip)))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  // what `npm install` puts there
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  // a process of its own: the handler starts a server in it
  const program = join(folder, "call.mjs");
  writeFileSync(
    program,
    `import azure from "@azure/functions";
const { HttpRequest, InvocationContext } = azure;
import { handler } from ${JSON.stringify(pathToFileURL(join(folder, "functions.mjs")).href)};
const request = new HttpRequest({ method: "POST", url: "https://mail.azurewebsites.net/v1/completions", headers: { "content-type": "application/json" }, body: { string: ${JSON.stringify(JSON.stringify(body))} } });
const response = await handler(request, new InvocationContext({ invocationId: "inv-1", functionName: "loam" }));
let text = "";
let pieces = 0;
for await (const piece of response.body) { text += Buffer.from(piece).toString("utf8"); pieces++; }
const wrong = await handler(new HttpRequest({ method: "GET", url: "https://mail.azurewebsites.net/v1/nothing" }), new InvocationContext({ invocationId: "inv-2", functionName: "loam" }));
process.stdout.write("\\nRESULT " + JSON.stringify({ status: response.status, type: response.headers["content-type"].split(";")[0], id: response.headers["x-request-id"], text, pieces, wrong: wrong.status }) + "\\n");
process.exit(0);
`,
  );
  const home = temporaryFolder("home");
  return execFileSync(process.execPath, [program], {
    encoding: "utf8",
    env: { ...process.env, LOAM_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A started `loam serve` of the project as it is now. */
async function served(cwd: string): Promise<string> {
  const child = startProcess(["serve", "toy", "--port", "0", "--json"], { cwd });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [, json] = await child.says(/^(\{"event":"serving".*\})$/m);
  return (JSON.parse(json!) as { url: string }).url;
}
const texts = (events: string) => [...events.matchAll(/"text":("(?:[^"\\]|\\.)*")/g)].map(m => JSON.parse(m[1]!) as string).join("");
const askedOf = async (url: string, body: object): Promise<string> => {
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return texts(await (await fetch(`${url}/v1/completions`, sent)).text());
};

test("the function app's handler streams what `loam serve` answers, by the library's own request and context", async () => {
  const cwd = await trainedToy();
  const { path } = await deployed(cwd, "azure-functions", ["--image", image]);
  expect(readdirSync(path)).toEqual(expect.arrayContaining(["functionapp.zip", "containerapp.yaml", "loam-deployment.json"]));
  const body = { model: "toy", prompt: "Dear Anna", max_tokens: 8, temperature: 0, stream: true };
  const output = calledApp(join(path, "functionapp.zip"), body);
  const result = JSON.parse(/^RESULT (.*)$/m.exec(output)![1]!) as { text: string; pieces: number };
  expect(result).toMatchObject({ status: 200, type: "text/event-stream", id: "inv-1", wrong: 404 });
  expect(result.pieces).toBeGreaterThan(1);
  expect(texts(result.text)).toBe(await askedOf(await served(cwd), body));
  expect(texts(result.text).length).toBeGreaterThan(0);
});

test("a function app blocks what serve.blocked of loam.yaml blocks, as `loam serve` does; a page is refused without --without-guards", async () => {
  const cwd = await trainedToy();
  const body = { model: "toy", prompt: "Dear Anna", max_tokens: 16, temperature: 0, stream: true };
  const free = await askedOf(await served(cwd), body);
  const file = join(cwd, "loam.yaml");
  // a letter that the model writes: the response has to be another one
  const letter = /[a-z]/.exec(free)![0];
  writeFileSync(join(cwd, "blocked.txt"), `${letter}\n`);
  writeFileSync(file, readFileSync(file, "utf8").replace("serve: {", "serve: { blocked: { files: [blocked.txt], wholeWords: false },"));
  const guarded = await askedOf(await served(cwd), body);
  expect(guarded).not.toBe(free);
  expect(guarded.toLowerCase()).not.toContain(letter);
  const { path, facts } = await deployed(cwd, "azure-functions");
  expect(facts.guards).toMatch(/^[0-9a-f]{64}$/);
  const result = JSON.parse(/^RESULT (.*)$/m.exec(calledApp(join(path, "functionapp.zip"), body))![1]!) as { text: string };
  expect(texts(result.text)).toBe(guarded);
  const page = async (...args: readonly string[]) => loam(["deploy", "web", "toy@latest", "--to", "page", ...args], { cwd });
  const refused = await page();
  expect(`${refused.code} ${refused.stderr}`).toMatch(/^2 [\s\S]*got serve\.blocked of loam\.yaml[\s\S]*--without-guards/);
  expect(existsSync(join(cwd, "page"))).toBe(false);
  const allowed = await page("--without-guards");
  expect(allowed.code, allowed.stderr).toBe(0);
  expect(allowed.stderr).toMatch(/serve\.blocked is not part of the deployment \(--without-guards\)/);
});

test("bad input of managed platforms is an error with numbers and a way out, and leaves nothing", async () => {
  const cwd = await trainedToy();
  const guarded = await trainedToy({ more: "releases: { prod: { approvals: [{ role: owner, unsigned: true }] } }" });
  const refused = async (at: string, ...args: string[]) => {
    const { code, stderr } = await loam(["deploy", ...args], { cwd: at });
    return `${code} ${stderr}`;
  };
  const before = readdirSync(cwd).toSorted();
  for (const target of ["sagemaker", "azure-functions"])
    expect(await refused(guarded, target, "toy@1")).toMatch(/^1 [\s\S]*no release approves it/);
  expect(await refused(guarded, "cloud-run", "toy@1", "--image", image)).toMatch(/^1 [\s\S]*no release approves it/);
  expect(await refused(cwd, "sagemaker", "toy", "--instances", "0:2")).toMatch(
    /^2 [\s\S]*--instances: expected at least 1: only asynchronous endpoints scale to none/,
  );
  expect(await refused(cwd, "sagemaker", "toy", "--kind", "serverless", "--memory", "1500")).toMatch(
    /^2 [\s\S]*--memory: expected one of 1024, 2048/,
  );
  expect(await refused(cwd, "sagemaker", "toy", "--variant", "x")).toMatch(/^2 [\s\S]*--variant: expected NAME=WEIGHT,s3:/);
  expect(await refused(cwd, "sagemaker", "toy", "--variant", "main=1,s3://b/k")).toMatch(
    /^2 [\s\S]*a name of its own for each variant, got main/,
  );
  expect(await refused(cwd, "cloud-run", "toy", "--image", "x/y:1")).toMatch(/^2 [\s\S]*--image: expected an image by its digest/);
  expect(await refused(cwd, "cloud-run", "toy")).toMatch(/^2 [\s\S]*expected --image/);
  expect(await refused(cwd, "cloud-run", "toy", "--image", image, "--memory", "64")).toMatch(
    /^2 [\s\S]*--memory: expected \d+ to 32768 MB/,
  );
  expect(await refused(cwd, "cloud-run", "toy", "--image", image, "--memory", "9000", "--processors", "2")).toMatch(
    /^2 [\s\S]*at least 4 for 9000 MB, got 2/,
  );
  expect(readdirSync(cwd).toSorted()).toEqual(before);
});
