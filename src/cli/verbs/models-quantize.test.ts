import { expect, test } from "vitest";
import { quantisationOf } from "../../project/models/index.ts";
import { modelsVerbs } from "../verb-rows/models.ts";
import { serveVerb } from "../verb-rows/serving.ts";

test("every form that is named where one is unknown is in the help of the option that took it", () => {
  const named = /expected one of ([^.]+), got/.exec(String(errorOf(() => quantisationOf("int3", "--plan"))))![1]!.split(", ");
  expect(named).toEqual(expect.arrayContaining(["exact", "auto", "int4"]));
  for (const [verbs, usage, option] of [
    [modelsVerbs, "models quantize", "--plan"],
    [[serveVerb], "serve", "--quantize"],
  ] as const) {
    const help = verbs.find(v => v.usage.startsWith(usage))!.options.find(([flags]) => flags.startsWith(option))!;
    for (const form of named) expect(help[1].split(/[^\w-]+/), `${usage} ${option}`).toContain(form);
  }
});

function errorOf(of: () => unknown): unknown {
  try {
    return of();
  } catch (error) {
    return error;
  }
}
