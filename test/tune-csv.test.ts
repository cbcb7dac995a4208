/**
 * The walk at the head of docs/tune.md, from the page itself: its files are written, its commands run one after the other on a table of made-up tickets,
 * and what it shows is what comes, but for the numbers.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { chromiumArguments, findChromium } from "../console/dev/chromium.ts";
import { random } from "../src/base/index.ts";
import { loam, type Running, root, start } from "./support/child.ts";
import { loginUrl } from "./support/login.ts";
import { temporaryFolder } from "./support/project.ts";

const docs = readFileSync(join(root, "docs", "tune.md"), "utf8");
const walk = docs.slice(docs.indexOf("## From a CSV"), docs.indexOf("## Classifiers"));
const fences = (language: string): string[] => [...walk.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"))].map(m => m[1]!);

const sentences: Readonly<Record<string, readonly string[]>> = {
  billing: [
    "the invoice shows the wrong amount",
    "I was charged twice this month",
    "please refund the last payment",
    "my card was declined",
  ],
  delivery: ["the parcel has not arrived yet", "the courier left it at the wrong door", "tracking has not moved", "the box was damaged"],
  account: ["I cannot sign in any more", "the password mail never comes", "please delete my profile", "my user name is spelled wrong"],
};
const openings = ["Hello, ", "Hi there, ", "Good morning, ", ""];
const asides = ["since Monday", "as I wrote before", "on your site", "with the app", "after the update", "and nobody answers"];
const closings = [". Please help.", ". Thank you.", "."];

/** 600 tickets, half of them about bills; a tenth is filed under a topic that it is not about. */
function tickets(): string {
  const r = random("tickets");
  const pick = <T>(list: readonly T[]): T => list[r.below(list.length)]!;
  const topics = Object.keys(sentences);
  const rows = Array.from({ length: 600 }, () => {
    const topic = pick(["billing", "billing", "billing", "delivery", "delivery", "account"]);
    const about = pick(sentences[r.below(10) === 0 ? pick(topics) : topic]!);
    const number = 1000 + r.below(9000);
    return `"${pick(openings)}order ${number} ${pick(asides)} ${pick(asides)} ${about} ${pick(asides)}${pick(closings)}",${topic}`;
  });
  return `text,topic\n${rows.join("\n")}\n`;
}

/** What is said without its numbers, names of artifacts, and how wide its columns are. */
const plain = (line: string): string =>
  line
    .replace(/-[0-9a-f]{12}\b/g, "-ID")
    .replace(/(?<![\w@])[+-]?\d+(\.\d+)?( s)?(?!\w)/g, "N")
    .replace(/\s+/g, " ")
    .trim();

interface Step {
  readonly command: string;
  readonly shown: readonly string[];
}

const steps: Step[] = fences("console").flatMap(block =>
  block
    .split(/^\$ |^(?=# )/m)
    .filter(part => part.trim() !== "")
    .map(part => {
      const [command = "", ...shown] = part.split("\n");
      return { command, shown: shown.filter(l => l.trim() !== "" && l.trim() !== "...") };
    }),
);

test("a table of one's own becomes a served, gated version, a worse one is refused, a better one is proved, and the way back is a command", async () => {
  const cwd = temporaryFolder("tickets");
  mkdirSync(join(cwd, "data"));
  mkdirSync(join(cwd, "tasks"));
  writeFileSync(join(cwd, "data", "tickets.csv"), tickets());
  for (const yaml of fences("yaml")) writeFileSync(join(cwd, /^# (\S+?)(?::.*)?$/m.exec(yaml)![1]!), yaml);

  let server: Running | undefined;
  let url = "";
  const answers: string[] = [];
  const versions: string[] = [];
  const runners: readonly (readonly [RegExp, (m: RegExpExecArray) => Promise<string>])[] = [
    [
      /^# (\S+): (.+) -> (.+)$/,
      async ([, file, from, to]) => {
        const path = join(cwd, file!);
        const before = readFileSync(path, "utf8");
        expect(before).toContain(from);
        writeFileSync(path, before.replace(from!, to!));
        return "";
      },
    ],
    [
      /^npx loam (serve .+) &$/,
      async ([, args]) => {
        server = start([...args!.split(" "), "--port", "0"], { cwd });
        url = (await server.says(/(http:\/\/127[^ ]+)/))[1]!;
        return (await server.says(/.*Serving.*/))[0];
      },
    ],
    [
      /^npx loam (.+)$/,
      async ([, args]) => {
        const { stdout, stderr } = await loam(
          [...args!.matchAll(/"([^"]*)"|(\S+)/g)].map(m => m[1] ?? m[2]!),
          { cwd },
        );
        return stdout + stderr;
      },
    ],
    [
      /^curl -si localhost:8080(\S+) -d '(.+)' \|/,
      async ([, path, body]) => {
        // the server looks every 5 s: the version that answers is another one than at the last question
        const last = versions.at(-1);
        const ask = async () => {
          const answer = await fetch(url + path, { method: "POST", body: body! });
          return { version: answer.headers.get("x-loam-model") ?? "", text: await answer.text() };
        };
        await expect.poll(async () => (await ask()).version, { timeout: 60_000, interval: 200 }).not.toBe(last);
        const { version, text } = await ask();
        versions.push(version);
        answers.push(text);
        return `x-loam-model: ${version}\n${text}`;
      },
    ],
  ];
  onTestFinished(() => server?.kill("SIGINT"));
  expect(steps.length).toBeGreaterThan(10);
  for (const { command, shown } of steps) {
    const [pattern, run] = runners.find(([p]) => p.test(command)) ?? [];
    if (!pattern || !run) throw new Error(`docs/tune.md: a command that this test does not know: ${command}`);
    const said = (await run(pattern.exec(command)!)).split("\n").map(plain);
    for (const line of shown)
      expect(
        said.some(s => s.startsWith(plain(line.replace(/ \.\.\.$/, "")))),
        `$ ${command}\nshows: ${plain(line)}\nsaid:\n${said.join("\n")}`,
      ).toBe(true);
  }
  // what was served, moved and moved back, seen from outside
  expect(versions).toEqual(["topics@1", "topics@3", "topics@1"]);
  expect(answers[2]).toBe(answers[0]);
  expect(answers[1]).not.toBe(answers[0]);
  // the page has both versions and the paired difference, with what it means
  const report = readFileSync(join(cwd, "gain.html"), "utf8");
  for (const part of ["topics@3", "topics@1", "f1", ">better<"]) expect(report).toContain(part);

  // the official client, and the console by hand, are told what curl is
  const told = (JSON.parse(answers[2]!) as { result: [[string, number][]] }).result[0];
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
  expect(walk).toContain(`client.post("/models/topics:classify"`);
  const asked = await client.post("/models/topics:classify", { body: { examples: [{ text: "my parcel is late" }] } });
  expect(asked).toEqual({ result: [told] });
  const executablePath = findChromium();
  if (!executablePath) return;
  const browser = await chromium.launch({ executablePath, args: chromiumArguments });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 400, height: 800 } });
  await page.goto(await loginUrl(cwd, url));
  await page.goto(`${url}/#/playground`);
  await page.getByLabel("A text for the model to judge").fill("my parcel is late");
  await page.getByRole("button", { name: "Ask" }).click();
  await expect
    .poll(() => page.getByRole("status").getByRole("row").allInnerTexts())
    .toEqual(told.map(([name, value]) => expect.stringMatching(new RegExp(`^${name}\\s+${value.toFixed(3)}$`))));
});

test("behind a gateway the demo's request is one that the model answers", async () => {
  const cwd = temporaryFolder("tickets-door");
  mkdirSync(join(cwd, "data"));
  writeFileSync(join(cwd, "data", "tickets.csv"), tickets());
  const yaml = fences("yaml").find(y => y.startsWith("# loam.yaml"))!;
  const door = "serve: { model: topics }\ngateway:\n  demoKey: demo\n  access:\n    principals: { serviceAccounts: { demo: {} } }\n";
  const policy = "    policies: [{ id: demo, effect: allow, who: { subjects: [demo] }, endpoints: [models, other] }]\n";
  writeFileSync(join(cwd, "loam.yaml"), `${yaml}${door}${policy}`);
  const tuned = await loam(["tune", "topics"], { cwd });
  expect(tuned.code, tuned.stderr).toBe(0);
  const server = start(["serve", "topics", "--port", "0"], { cwd });
  onTestFinished(() => server.kill("SIGINT"));
  const [, url, key, body] = await server.says(
    /curl (\S+) -H "Authorization: Bearer (\S+)" -H "Content-Type: application\/json" -d '(.+)'/,
  );
  expect(url).toMatch(/\/v1\/models\/topics:classify$/);
  const answer = await fetch(url!, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: body! });
  expect(answer.status).toBe(200);
  expect(((await answer.json()) as { result: [string, number][][] }).result[0]).toHaveLength(3);
});
