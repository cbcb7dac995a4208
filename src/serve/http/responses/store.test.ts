import { expect, test } from "vitest";
import { type KeptItem, keptItem, ResponseStore } from "./store.ts";

const said = (id: string, content = id): KeptItem => keptItem({ id, role: "user", content });
const response = (id: string, ...conversation: KeptItem[]) => ({ id, body: { id }, input: conversation.slice(-1), conversation });

test("the response kept longest goes first, and its items with it, unless a later one goes on from them", () => {
  const store = new ResponseStore({ storedResponses: 2, storedResponseCharacters: 10_000 });
  const [a, b, c, d] = ["a", "b", "c", "d"].map(id => said(id)) as [KeptItem, KeptItem, KeptItem, KeptItem];
  store.add(response("1", a));
  store.add(response("2", a, b));
  store.add(response("3", c));
  expect(["1", "2", "3"].map(id => store.find(id)?.id)).toEqual([undefined, "2", "3"]);
  expect(["a", "b", "c"].map(id => store.item(id)?.id)).toEqual(["a", "b", "c"]);
  store.add(response("4", d));
  expect(["a", "b", "c", "d"].map(id => store.item(id)?.id)).toEqual([undefined, undefined, "c", "d"]);
  store.remove("4");
  expect(store.item("d")).toBeUndefined();
  expect(() => store.remove("4")).toThrow('there is no response "4"');
});

test("what is kept is bounded by its size; what alone is too large is not kept and drives nothing out", () => {
  const store = new ResponseStore({ storedResponses: 100, storedResponseCharacters: 1000 });
  for (let i = 0; i < 20; i++) store.add(response(`r${i}`, said(`i${i}`, "x".repeat(200))));
  const kept = Array.from({ length: 20 }, (_, i) => store.find(`r${i}`)).filter(r => r !== undefined);
  expect(kept.map(r => r.id)).toEqual(["r17", "r18", "r19"]);
  store.add(response("large", said("large", "x".repeat(2000))));
  expect(store.find("large")).toBeUndefined();
  expect(store.find("r19")).toBeDefined();
});
