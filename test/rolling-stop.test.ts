/**
 * A server that is told to stop while clients with kept connections ask it, as in a rolling update: "every kept connection gets one 503". Each client goes to
 * the next server as soon as no connection is taken any more, as whoever follows a list of endpoints does. No request is refused, cut or lost. A connection that
 * the kernel has made while the listener closes is reset before the server has seen it: a client takes that as refused, on new connections only.
 */
import { Agent, request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { startProcess } from "./support/child.ts";
import { trainedToy } from "./support/project.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly isClosing: boolean;
}

const ask = (url: string, agent: Agent, key: string | undefined, stream: boolean): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/completions`, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    });
    sent.on("error", error => reject(Object.assign(error, { isKept: sent.reusedSocket })));
    sent.on("response", response => {
      let text = "";
      response.setEncoding("utf8").on("data", (data: string) => {
        text += data;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode!, text, isClosing: response.headers.connection === "close" }));
    });
    sent.end(JSON.stringify({ model: "toy", prompt: "a", max_tokens: stream ? 24 : 2, ignore_eos: true, stream }));
  });

type Failure = NodeJS.ErrnoException & { readonly isKept?: boolean };

const isRefused = (error: unknown): boolean => (error as Failure).code === "ECONNREFUSED";

/** Of a new connection. Whether the listener was closing is seen by the next one: it must be refused. */
const isReset = (error: unknown): boolean => {
  const { code, isKept } = error as Failure;
  return code === "ECONNRESET" && isKept === false;
};

const gateway = `gateway:
  demoKey: demo
  access:
    principals: { serviceAccounts: { demo: {} } }
    policies: [{ id: demo, effect: allow, who: { subjects: [demo] }, endpoints: [completions, models] }]
`;

test.each([
  ["a server", "", 6],
  ["a server behind its gateway", gateway, 6],
])("%s that is told to stop under load refuses, cuts and loses nothing", async (_, more, clients) => {
  const cwd = await trainedToy(more === "" ? {} : { more });
  const serve = async () => {
    const child = startProcess(["serve", "--port", "0", "--json", "--shutdown-delay", "1"], { cwd });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [, json] = await child.says(/^(\{"event":"serving".*\})$/m);
    return { child, ...(JSON.parse(json!) as { readonly url: string; readonly demoRequest?: string }) };
  };
  const [old, next] = [await serve(), await serve()];
  const key = /Bearer ([^"' ]+)/.exec(old.demoRequest ?? "")?.[1];
  expect(key === undefined).toBe(more === "");

  const answers: Answer[] = [];
  let movedClients = 0;
  const client = async (index: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    let url = old.url;
    let reset: unknown;
    for (let after = 0; after < 3; ) {
      try {
        answers.push(await ask(url, agent, key, (answers.length + index) % 3 === 0));
        if (url === next.url) after++;
        else if (reset !== undefined) throw reset;
      } catch (error) {
        if (url === old.url && reset === undefined && isReset(error)) {
          reset = error;
          continue;
        }
        if (url === next.url || !isRefused(error)) throw error;
        url = next.url;
        movedClients++;
      }
    }
  };
  const running = Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  await expect.poll(() => answers.length, { timeout: 60_000 }).toBeGreaterThan(4 * clients);
  old.child.kill("SIGTERM");
  await running;
  expect(movedClients).toBe(clients);
  expect(answers.filter(a => a.status !== 200)).toEqual([]);
  expect(answers.filter(a => a.text.includes("data:") && !a.text.endsWith("data: [DONE]\n\n"))).toEqual([]);
  // each client was told by an answer that it should come back on another connection
  expect(answers.filter(a => a.isClosing).length).toBeGreaterThanOrEqual(clients);
  expect((await old.child.ended).code).toBe(0);
});
