/** Pages of the gateway as a reader follows them: every command in order, with real servers behind it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { fakeUpstream, type Script } from "../src/gateway/fakes.ts";
import { type Running, root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage, type ReaderShell } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { folderWithSmol } from "./support/toy-gguf.ts";

const page = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** A key that is shown once is kept by the reader; a status that is an error ends curl. */
const reader = {
  "keys create ann-laptop --subject ann": "keys create ann-laptop --subject ann | tee key.txt",
  "sk-loam-...": '"$(grep -o "sk-loam-[^ ]*" key.txt)"',
  "curl http": "curl -sSf http",
  // the default port may be another test's
  "loam gateway   ": "loam gateway --port 8090 ",
};

deepTest("docs/gateway.md: every command runs, and a model answers behind the gateway", async () => {
  await followPage(page("gateway.md"), {
    cwd: await folderWithSmol(),
    env: { LOAM_HOME: temporaryFolder("home"), OPENAI_API_KEY: "sk-page" },
    own: reader,
    before: { "loam gateway import litellm": async at => void (await at.run("mkdir litellm; mv config.yaml litellm; cd litellm")) },
  });
});

/** A model of the cloud that says what it was told. */
const repeats: Script = ({ body }, response) => {
  const content = (body.messages as readonly { readonly content: string }[]).at(-1)!.content;
  response.writeHead(200, { "content-type": "application/json" });
  const choices = [{ index: 0, message: { role: "assistant", content: `You said: ${content}` }, finish_reason: "stop" }];
  response.end(
    JSON.stringify({ id: "c", object: "chat.completion", choices, usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 } }),
  );
};

deepTest("docs/gateway-guards.md: every command runs, and each guard does what the page says", async () => {
  const upstream = await fakeUpstream(repeats);
  const env = { OPENAI_API_KEY: "sk-page" };
  let gateway: Running | undefined;
  await followPage(page("gateway-guards.md"), {
    env,
    own: {
      ...reader,
      "https://api.openai.com/v1": upstream.url,
      "# gateway.yaml\n": "# gateway.yaml\nlisten: { port: 8090 }\n",
      "loam gateway held  ": "until loam gateway held | grep held_; do sleep 0.1; done ",
    },
    before: {
      "ask() {": async ({ folder }: ReaderShell) => {
        gateway = start(["gateway"], { cwd: folder, env });
        await gateway.says(/http:\/\//);
      },
    },
  });
  expect(upstream.received.map(r => JSON.stringify(r.body.messages))).toEqual([
    expect.stringContaining("Greet <EMAIL_1>"),
    expect.stringContaining("wire transfer"),
  ]);
  const [logged = ""] = /"guards":\[.*?\]/.exec(page("gateway-guards.md")) ?? [];
  await gateway!.says(new RegExp(logged.replace(/[[\]]/g, "\\$&")));
  await upstream.close();
});

deepTest("docs/gateway-cedar.md: every command runs, and the policies are those that the page shows", async () => {
  await followPage(page("gateway-cedar.md"));
});

deepTest("docs/gateway-export.md: every command runs, and the differences are those that the page shows", async () => {
  const { folder } = await followPage(page("gateway-export.md"));
  const { Resources: made } = JSON.parse(readFileSync(join(folder, "aws", "template.json"), "utf8"));
  const ofMailer = made.Apia2.Properties.Body;
  expect([Object.keys(ofMailer.paths), made.Apia3]).toEqual([["/v1/chat/completions"], undefined]);
  const schema = JSON.stringify(ofMailer.components.schemas.chatCompletions);
  const names = page("gateway-export.md")
    .match(/`max_tokens` or another name\nof it \((.*?)\)/)![1]!
    .match(/\w+/g)!;
  for (const name of ["max_tokens", ...names]) expect(schema).toMatch(new RegExp(`"${name}":{[^{}]*{[^{}]*},{[^{}]*"maximum":1024`));
  expect(new Set(schema.match(/"maximum":[1-9]\d*/g))).toEqual(new Set(['"maximum":1024']));
  expect(page("gateway-export.md")).toContain(`\`"Throttle":${JSON.stringify(made.Apia2Plan1.Properties.Throttle)}\``);
});

deepTest("docs/gateway-transport.md: every command runs, with certificates on both sides and a restart", async () => {
  const upstream = await fakeUpstream(repeats);
  await followPage(page("gateway-transport.md"), {
    parts: ["gateway.yaml"],
    own: {
      "http://127.0.0.1:8080/v1": upstream.url,
      "curl --cacert": "curl -sSf --cacert",
      "kill -USR2 4711": 'kill -USR2 $server1; until [ "$(grep -c "Gateway on" .server-1.log)" = 2 ]; do sleep 0.1; done',
    },
  });
  expect(upstream.received).toHaveLength(1);
  await upstream.close();
});
