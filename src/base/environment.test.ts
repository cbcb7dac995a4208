import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { environment, withEnvironment } from "./environment.ts";

test("without a command of its own the variables are the process's", () => {
  expect(environment()).toBe(process.env);
});

test("two commands at once each see their own variables, across awaits", async () => {
  const seen = async (value: string) => {
    const found: (string | undefined)[] = [];
    await withEnvironment({ LOAM_HOME: value }, async () => {
      for (let i = 0; i < 3; i++) {
        await new Promise(resolve => setImmediate(resolve));
        found.push(environment().LOAM_HOME);
      }
    });
    return found;
  };
  expect(await Promise.all([seen("a"), seen("b")])).toEqual([
    ["a", "a", "a"],
    ["b", "b", "b"],
  ]);
  expect(environment()).toBe(process.env);
});

test("requests of a server see the variables of the command that started it", async () => {
  const server = await withEnvironment({ LOAM_HOME: "served" }, async () => {
    const made = createServer((_, response) => void response.end(environment().LOAM_HOME));
    await new Promise<void>(resolve => made.listen(0, "127.0.0.1", resolve));
    return made;
  });
  try {
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("served");
  } finally {
    server.close();
  }
});
