/** Schemas as Pydantic, zod and MCP servers write them, some hundreds each, judged by ajv in both directions. */
import { expect, test } from "vitest";
import { rounds } from "../../../../test/support/deep.ts";
import { judgeOf } from "../../../../test/support/schemas/judge.ts";
import { mcpSchema } from "../../../../test/support/schemas/mcp.ts";
import { pydanticSchema } from "../../../../test/support/schemas/pydantic.ts";
import { changedValue } from "../../../../test/support/schemas/random.ts";
import type { Shape } from "../../../../test/support/schemas/shapes.ts";
import { drawText, reads, recogniserOfSchema } from "../../../../test/support/schemas/texts.ts";
import { zodSchema } from "../../../../test/support/schemas/zod.ts";
import { type Random, random } from "../../../base/index.ts";

const corpora: Readonly<Record<string, (rng: Random) => Shape>> = { Pydantic: pydanticSchema, zod: zodSchema, MCP: mcpSchema };

/** ajv 8 knows `nullable` beside one type, and drafts' lists of items under prefixItems. */
function today(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(today);
  if (typeof schema !== "object" || schema === null) return schema;
  const out: Record<string, unknown> = Object.fromEntries(
    Object.entries(schema).map(([k, v]) => [k, k === "const" || k === "enum" ? v : today(v)]),
  );
  if (Array.isArray(out.items)) {
    out.prefixItems = out.items;
    out.items = out.additionalItems ?? true;
    delete out.additionalItems;
  }
  delete out.$schema;
  return out;
}

for (const [library, make] of Object.entries(corpora))
  test(`schemas of ${library}: what is said is valid, and what is valid is said`, () => {
    const counts = { schemas: 0, drawn: 0, valid: 0, invalid: 0, relaxed: new Set<string>() };
    for (let i = 0; i < rounds(150, 60); i++) {
      const rng = random(`${library} ${i}`);
      const { schema, value } = make(rng);
      const judge = judgeOf(today(schema));
      const r = recogniserOfSchema(schema);
      counts.schemas++;
      for (const at of r.relaxed) counts.relaxed.add(at.split("/").at(-1)!);
      for (let k = 0; k < 3; k++) {
        const text = drawText(r, rng);
        if (text === undefined) continue;
        counts.drawn++;
        if (r.relaxed.length === 0) expect([library, i, schema, text, judge(JSON.parse(text))]).toEqual([library, i, schema, text, true]);
      }
      for (let k = 0; k < 4; k++) {
        const v = value(rng);
        if (v === undefined) continue;
        counts.valid++;
        expect([library, i, schema, v, judge(v), reads(r, JSON.stringify(v))]).toEqual([library, i, schema, v, true, true]);
        const other = changedValue(v, rng);
        if (judge(other) || r.relaxed.length > 0) continue;
        counts.invalid++;
        expect([library, i, schema, other, reads(r, JSON.stringify(other))]).toEqual([library, i, schema, other, false]);
      }
    }
    expect([...counts.relaxed]).toEqual([]);
    expect(counts.drawn).toBeGreaterThan(counts.schemas);
    expect(counts.valid).toBeGreaterThan(counts.schemas);
    expect(counts.invalid).toBeGreaterThan(counts.schemas / 2);
  });
