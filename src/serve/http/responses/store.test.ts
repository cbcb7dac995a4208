import { expect, test } from "vitest";
import { anonymous, type Caller } from "../owner.ts";
import { type KeptItem, keptItem, ResponseStore } from "./store.ts";

const said = (id: string, content = id): KeptItem => keptItem({ id, role: "user", content });
const kept = (store: ResponseStore, id: string, caller: Caller = anonymous): string | undefined => {
  try {
    return store.get(caller, id).id;
  } catch {
    return undefined;
  }
};
const item = (store: ResponseStore, id: string, caller: Caller = anonymous): string | undefined => {
  try {
    return String(store.item(caller, id, "input[0].id").content);
  } catch {
    return undefined;
  }
};
const response = (id: string, ...conversation: KeptItem[]) => ({ id, body: { id }, input: conversation.slice(-1), conversation });

test("the response kept longest goes first, and its items with it, unless a later one goes on from them", () => {
  const store = new ResponseStore({ storedResponses: 2, storedResponseCharacters: 10_000, allResponseCharacters: 10_000 });
  const [a, b, c, d] = ["a", "b", "c", "d"].map(id => said(id)) as [KeptItem, KeptItem, KeptItem, KeptItem];
  store.add(response("1", a));
  store.add(response("2", a, b));
  store.add(response("3", c));
  expect(["1", "2", "3"].map(id => kept(store, id))).toEqual([undefined, "2", "3"]);
  expect(["a", "b", "c"].map(id => item(store, id))).toEqual(["a", "b", "c"]);
  store.add(response("4", d));
  expect(["a", "b", "c", "d"].map(id => item(store, id))).toEqual([undefined, undefined, "c", "d"]);
  store.remove(anonymous, "4");
  expect(item(store, "d")).toBeUndefined();
  expect(() => store.remove(anonymous, "4")).toThrow('Response with id "4" not found');
});

test("what is kept is bounded by its size; what alone is too large is not kept and drives nothing out", () => {
  const store = new ResponseStore({ storedResponses: 100, storedResponseCharacters: 1000, allResponseCharacters: 1000 });
  for (let i = 0; i < 20; i++) store.add(response(`r${i}`, said(`i${i}`, "x".repeat(200))));
  const all = Array.from({ length: 20 }, (_, i) => kept(store, `r${i}`)).filter(id => id !== undefined);
  expect(all).toEqual(["r17", "r18", "r19"]);
  store.add(response("large", said("large", "x".repeat(2000))));
  expect(kept(store, "large")).toBeUndefined();
  expect(kept(store, "r19")).toBeDefined();
});

const callerOf = (owner: string): Caller => ({ owner, usesUnowned: false, note: null });
test("a tenant who stores much drives out none of another tenant's responses", () => {
  const store = new ResponseStore({ storedResponses: 3, storedResponseCharacters: 2000, allResponseCharacters: 4000 });
  const [small, large] = [callerOf("small"), callerOf("large")];
  store.add({ ...response("own", said("item")), owner: "small" });
  for (let i = 0; i < 50; i++) store.add({ ...response(`many${i}`, said(`m${i}`)), owner: "large" });
  expect([kept(store, "own", small), item(store, "item", small)]).toEqual(["own", "item"]);
  const many = Array.from({ length: 50 }, (_, i) => kept(store, `many${i}`, large)).filter(id => id !== undefined);
  expect(many).toEqual(["many47", "many48", "many49"]);
  for (let i = 0; i < 50; i++) store.add({ ...response(`long${i}`, said(`l${i}`, "x".repeat(800))), owner: "large" });
  expect(kept(store, "own", small)).toBe("own");
  // 11 owners of nearly all that one may have: whoever has most loses first
  for (const owner of "abcdefghijk")
    for (const n of [1, 2]) store.add({ ...response(`${owner}${n}`, said(`${owner}${n}`, "x".repeat(700))), owner });
  expect(kept(store, "own", small)).toBe("own");
  const left = [..."abcdefghijk"].map(owner => [1, 2].filter(n => kept(store, `${owner}${n}`, callerOf(owner))).length);
  expect(Math.max(...left)).toBeLessThanOrEqual(1);
});

test("two owners' items of the same id, which clients may choose, are two items", () => {
  const store = new ResponseStore();
  const [a, b, admin] = ["a", "b", "admin"].map(owner => ({ owner, usesUnowned: owner === "admin", note: null })) as [
    Caller,
    Caller,
    Caller,
  ];
  store.add({ ...response("1", said("same", "of a")), owner: "a" });
  store.add({ ...response("2", said("same", "of b")), owner: "b" });
  store.add(response("3", said("old", "of nobody")));
  expect([a, b, admin].map(caller => item(store, "same", caller))).toEqual(["of a", "of b", undefined]);
  expect([a, b, admin].map(caller => item(store, "old", caller))).toEqual([undefined, undefined, "of nobody"]);
  store.remove(a, "1");
  expect([a, b].map(caller => item(store, "same", caller))).toEqual([undefined, "of b"]);
});
