import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { jsonSchemaOf } from "../../project/json-schema/index.ts";
import { createOutput } from "../output.ts";
import { schemaVerb } from "./schema.ts";

/** What the verb writes to stdout. */
async function written(json: boolean, ...args: string[]): Promise<string> {
  const pieces: string[] = [];
  const sink = () =>
    new Writable({
      write(chunk, _, done) {
        pieces.push(String(chunk));
        done();
      },
    });
  const none = new Writable({ write: (_, __, done) => done() });
  await schemaVerb({ out: createOutput(json, { out: sink(), err: none }), cwd: ".", signal: new AbortController().signal }, args, {});
  return pieces.join("");
}

test("`loam schema` prints the schema of loam.yaml, `loam schema gateway` that of gateway.yaml; --json prints the same on a line", async () => {
  expect(JSON.parse(await written(false))).toEqual(JSON.parse(JSON.stringify(jsonSchemaOf("loam"))));
  expect(JSON.parse(await written(false, "gateway.yaml"))).toEqual(JSON.parse(JSON.stringify(jsonSchemaOf("gateway"))));
  const line = await written(true, "gateway");
  expect(line.trim().split("\n").length).toBe(1);
  expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(jsonSchemaOf("gateway"))));
});

test("another file is refused with those that there are", async () => {
  await expect(written(false, "gatewy")).rejects.toThrow(
    'loam schema: expected one of loam, gateway, got "gatewy". Did you mean "gateway"?',
  );
});
