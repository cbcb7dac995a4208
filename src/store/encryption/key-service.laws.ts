/** What every key management service must do; run by `key-service.test.ts` on each implementation. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { isLoamError } from "../../base/index.ts";
import type { KeyService } from "./key-service.ts";

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    e => (isLoamError(e) ? e.code : String(e)),
  );

export function keyServiceLaws(open: () => KeyService): void {
  const context = { ring: "a".repeat(32), key: "b".repeat(32) };

  test("what is wrapped is unwrapped byte for byte, and two wrappings of one key differ", async () => {
    const service = open();
    const key = randomBytes(32);
    const [a, b] = [await service.wrap(key, context), await service.wrap(key, context)];
    expect(a.kek).toBe(await service.current());
    expect(await service.list()).toContain(a.kek);
    expect(a.wrapped).not.toBe(b.wrapped);
    expect(a.wrapped).not.toContain(key.toString("base64"));
    for (const wrapped of [a, b]) expect((await service.unwrap(wrapped, context)).equals(key)).toBe(true);
  });

  test("another context, another key name and a changed byte are refused with a code, never with other bytes", async () => {
    const service = open();
    const wrapped = await service.wrap(randomBytes(32), context);
    const refused = ["store/keyWrong", "store/keyMissing", "store/keyService"];
    expect(refused).toContain(await codeOf(service.unwrap(wrapped, { ...context, key: "c".repeat(32) })));
    expect(refused).toContain(await codeOf(service.unwrap(wrapped, { ...context, ring: "c".repeat(32) })));
    expect(refused).toContain(await codeOf(service.unwrap({ ...wrapped, kek: "another" }, context)));
    const bytes = Buffer.from(wrapped.wrapped, "base64");
    for (const at of [0, 12, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 1;
      expect(refused).toContain(await codeOf(service.unwrap({ ...wrapped, wrapped: changed.toString("base64") }, context)));
    }
    expect(refused).toContain(await codeOf(service.unwrap({ ...wrapped, wrapped: "" }, context)));
  });
}
