/** `loam gateway --handover` as a process: restarts under load lose nothing, a restart that fails changes nothing, the end leaves no process. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openControl } from "../control.ts";
import { begin, eventText, type FakeUpstream, fakeUpstream, good, goodEvents, openAccess, wordChunk } from "../fakes.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-handover-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = resolve("bin/loam.js");
const file = join(folder, "gateway.yaml");
const state = `sqlite:${join(folder, "gateway.sqlite")}`;

let upstream: FakeUpstream;
let key: string;
let child: ChildProcess;
let events: { readonly event: string; readonly url?: string }[];
let told: string;
let exit: Promise<number | null>;

const until = async (holds: () => boolean, what: string): Promise<void> => {
  for (let i = 0; i < 1_500 && !holds(); i++) await new Promise(done => setTimeout(done, 20));
  expect(holds(), `${what}\n${told}`).toBe(true);
};
const serving = () => events.filter(e => e.event === "serving");
const config = () =>
  JSON.stringify({
    listen: { port: 0 },
    state,
    log: { to: "none" },
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local" }] } },
    access: openAccess,
  });

beforeAll(async () => {
  const control = await openControl({ state, root: folder, config: openAccess });
  key = (await control.keys.create({ name: "test", subject: "ann" }, "test")).secret;
  await control.close();
});
beforeEach(async () => {
  upstream = await fakeUpstream((received, response) => void setTimeout(() => void good(received, response), 5));
  writeFileSync(file, config());
  events = [];
  told = "";
  child = spawn(process.execPath, [program, "gateway", "--handover", "--config", file, "--json"], { stdio: ["ignore", "pipe", "pipe"] });
  let rest = "";
  child.stdout!.on("data", part => {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith("{")) events.push(JSON.parse(line));
  });
  child.stderr!.on("data", part => {
    told += part;
  });
  exit = new Promise(done => child.once("exit", done));
  await until(() => serving().length === 1, "the first worker listens");
});
afterEach(async () => {
  if (child.exitCode === null) child.kill("SIGTERM");
  await exit;
  await upstream.close();
});

const ask = (agent: Agent, body: object): Promise<{ status: number; text: string }> =>
  new Promise((done, reject) => {
    const sent = request(
      `${serving().at(-1)!.url}/v1/chat/completions`,
      { method: "POST", agent, headers: { "content-type": "application/json", authorization: `Bearer ${key}` } },
      response => {
        let text = "";
        response.on("data", part => {
          text += part;
        });
        response.on("end", () => done({ status: response.statusCode!, text }));
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(JSON.stringify({ model: "chat", messages: [], ...body }));
  });

test("1,000 requests on kept connections and a stream across two restarts: every one is answered", async () => {
  let go = () => {};
  const plain = upstream.script;
  upstream.script = async (received, response) => {
    if (received.body.stream !== true) return plain(received, response);
    begin(response);
    response.write(eventText(wordChunk("first")));
    await new Promise<void>(done => {
      go = done;
    });
    response.end(goodEvents({}).join(""));
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const stream = ask(new Agent(), { stream: true });
  await until(() => upstream.received.length === 1, "the stream has begun");
  let sent = 0;
  const statuses: (number | string)[] = [];
  const client = async (): Promise<void> => {
    while (sent < 1_000) {
      sent++;
      statuses.push(await ask(agent, {}).then(a => a.status, String));
      if (sent % 50 === 0) await new Promise(done => setTimeout(done, 20));
    }
  };
  const clients = Promise.all(Array.from({ length: 16 }, client));
  await until(() => statuses.length > 200, "some are answered");
  child.kill("SIGUSR2");
  await until(() => serving().length === 2, "the second worker listens");
  child.kill("SIGUSR2");
  await until(() => serving().length === 3, "the third worker listens");
  await clients;
  expect(statuses.filter(s => s !== 200)).toEqual([]);
  expect(statuses).toHaveLength(1_000);
  expect(new Set(serving().map(e => e.url)).size).toBe(1);
  // the first worker is still there for its stream
  go();
  const { status, text } = await stream;
  expect([status, text.endsWith("data: [DONE]\n\n")]).toEqual([200, true]);
  await until(() => events.filter(e => e.event === "stopped").length === 2, "both old workers have ended");
  expect((await ask(agent, {})).status).toBe(200);
  agent.destroy();
});

test("a restart into a file that is wrong changes nothing and is told; SIGTERM ends all in order", async () => {
  writeFileSync(file, "models: [");
  child.kill("SIGUSR2");
  await until(() => told.includes("failed"), "the failure is told");
  const agent = new Agent();
  expect((await ask(agent, {})).status).toBe(200);
  const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
  child.kill("SIGTERM");
  expect(await exit).toBe(0);
  for (const pid of workers) expect(() => process.kill(Number(pid), 0)).toThrow();
});

test("a worker that is killed is replaced", async () => {
  const worker = () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0]);
  process.kill(worker(), "SIGKILL");
  await until(() => serving().length === 2, "another worker listens");
  expect((await ask(new Agent(), {})).status).toBe(200);
});
