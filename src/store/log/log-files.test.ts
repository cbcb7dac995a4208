/** Laws of notes, tiles and witnesses; the exported files are judged by the verifier of examples/verify-log, which shares no code with them. */
import { generateKeyPairSync, sign } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { keyOf, verifyLog } from "../../../examples/verify-log/verify.mjs";
import { isLoamError } from "../../base/index.ts";
import { scratchFolder } from "../scratch.laws.ts";
import { consistencyProof, leafHash, rootOf } from "./merkle.ts";
import { cosign, type NoteSigner, noteVerifier, readCheckpoint, signCheckpoint, signedBy, verifierKey } from "./notes.ts";
import { entryBundle, hashTiles, tileLeaves, tilePath, tileWidth } from "./tiles.ts";
import { witnessCheckpoint } from "./witness.ts";

const scratch = scratchFolder("log-files");
const signerOf = (name: string): NoteSigner => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    name,
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-32),
    sign: data => sign(null, data, privateKey),
  };
};
const log = signerOf("example.com/mail");
const witness = signerOf("witness.example.org");
const logKey = noteVerifier(verifierKey(log, "log"), "key");
const witnessKey = noteVerifier(verifierKey(witness, "witness"), "key");

const entries = Array.from({ length: 600 }, (_, i) => (i === 300 ? `{"long":"${"x".repeat(70_000)}"}` : `{"entry":${i}}`));
const leaves = entries.map(leafHash);
const checkpointOf = (size: number) => signCheckpoint({ origin: log.name, size, root: rootOf(leaves.slice(0, size)) }, log);

async function writeLog(folder: string, size: number): Promise<void> {
  const bundles = Array.from({ length: Math.ceil(size / tileWidth) }, (_, i) =>
    entryBundle(i, entries.slice(i * tileWidth, Math.min(size, (i + 1) * tileWidth))),
  );
  for (const { path, bytes } of [...bundles.flat(), ...hashTiles(leaves.slice(0, size))]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  writeFileSync(join(folder, "checkpoint"), await checkpointOf(size));
}

const keys = [keyOf(verifierKey(log, "log"))];
const findingOf = (folder: string, old?: string): string | undefined => {
  try {
    verifyLog(folder, { keys, old });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

test("indexes of tiles and their partial forms are those of C2SP", () => {
  expect(tilePath(0, 0, 256)).toBe("tile/0/000");
  expect(tilePath(0, 1_234_067, 256)).toBe("tile/0/x001/x234/067");
  expect(tilePath(2, 1_000, 5)).toBe("tile/2/x001/000.p/5");
  expect(tilePath("entries", 67, 1)).toBe("tile/entries/067.p/1");
});

describe("notes", () => {
  test("a signed checkpoint is read back, and its key alone opens it", async () => {
    const note = await checkpointOf(5);
    const read = readCheckpoint(note, "note");
    expect(read).toMatchObject({ origin: log.name, size: 5, root: rootOf(leaves.slice(0, 5)) });
    expect(signedBy(read, logKey)).toBeDefined();
    expect(signedBy(read, witnessKey)).toBeUndefined();
    expect(signedBy(read, noteVerifier(verifierKey(signerOf(log.name), "log"), "key"))).toBeUndefined();
    const line = await cosign(read, witness, 1_795_616_000);
    expect(signedBy(readCheckpoint(note + line, "note"), witnessKey)).toEqual({ atSeconds: 1_795_616_000 });
  });

  test("any changed byte of a note takes its signatures or is no note", async () => {
    const note = Buffer.from(
      (await checkpointOf(77)) + (await cosign({ origin: log.name, size: 77, root: rootOf(leaves.slice(0, 77)) }, witness, 7)),
    );
    fc.assert(
      fc.property(fc.nat(note.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const changed = Buffer.from(note);
        changed[at] = changed[at]! ^ (1 << bit);
        let read: ReturnType<typeof readCheckpoint>;
        try {
          read = readCheckpoint(changed.toString(), "note");
        } catch (error) {
          expect(isLoamError(error, "store/note")).toBe(true);
          return;
        }
        expect(signedBy(read, logKey) && signedBy(read, witnessKey)).toBeUndefined();
      }),
    );
  });

  test("names and keys that would break a line are refused", () => {
    for (const name of ["", "a b", "a+b", "a\nb"]) expect(() => verifierKey({ ...log, name }, "log"), name).toThrow();
    for (const key of ["", "x", "a+00000000+AAAA", `${verifierKey(log, "log")}A`, verifierKey(log, "log").replace("mail", "mall")])
      expect(() => noteVerifier(key, "key"), key).toThrow();
  });
});

describe("an exported log", () => {
  const folder = join(scratch, "log");
  let earlier: string;
  beforeAll(async () => {
    await writeLog(folder, entries.length);
    earlier = await checkpointOf(300);
  });

  test("verifies at the sizes around full tiles, with an entry that is too long for a bundle", async () => {
    expect(findingOf(folder, earlier)).toBeUndefined();
    expect(verifyLog(folder, { keys }).entries.map(String)).toEqual(entries);
    expect(tileLeaves(folder, entries.length)).toEqual(leaves);
    for (const size of [0, 1, 255, 256, 257, 512]) {
      const place = join(scratch, `log-${size}`);
      mkdirSync(place, { recursive: true });
      await writeLog(place, size);
      expect(findingOf(place), `${size}`).toBeUndefined();
      expect(tileLeaves(place, size)).toEqual(leaves.slice(0, size));
    }
  });

  test("one changed byte of any file is found", () => {
    const files = readdirSync(folder, { recursive: true })
      .map(String)
      .filter(name => statSync(join(folder, name)).isFile());
    expect(files.length).toBeGreaterThan(8);
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.nat(), fc.integer({ min: 0, max: 7 }), (name, place, bit) => {
        const path = join(folder, name);
        const original = readFileSync(path);
        const changed = Buffer.from(original);
        const at = place % changed.length;
        changed[at] = changed[at]! ^ (1 << bit);
        writeFileSync(path, changed);
        try {
          expect(findingOf(folder), `${name} at ${at}`).toBeDefined();
        } finally {
          writeFileSync(path, original);
        }
      }),
      { numRuns: 60 },
    );
    expect(findingOf(folder)).toBeUndefined();
  });

  test("an edit, a cut or a swap of any entry by the log's own key is found by an earlier checkpoint", async () => {
    const forged = join(scratch, "forged");
    const change: Record<string, (list: string[], at: number) => void> = {
      edit: (list, at) => void list.splice(at, 1, `${list[at]} `),
      cut: (list, at) => void list.splice(at, 1),
      end: (list, at) => void list.splice(at),
      swap: (list, at) => void list.splice(at, 2, list[at + 1]!, list[at]!),
    };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(change)), fc.nat(298), async (how, at) => {
        const list = [...entries];
        change[how]!(list, at);
        const own = list.map(leafHash);
        cpSync(folder, forged, { recursive: true, force: true });
        for (let i = 0; i * tileWidth < list.length; i++)
          for (const { path, bytes } of entryBundle(i, list.slice(i * tileWidth, (i + 1) * tileWidth))) {
            mkdirSync(dirname(join(forged, path)), { recursive: true });
            writeFileSync(join(forged, path), bytes);
          }
        for (const { path, bytes } of hashTiles(own)) {
          mkdirSync(dirname(join(forged, path)), { recursive: true });
          writeFileSync(join(forged, path), bytes);
        }
        const note = await signCheckpoint({ origin: log.name, size: list.length, root: rootOf(own) }, log);
        writeFileSync(join(forged, "checkpoint"), note);
        expect(findingOf(forged), "all fits by itself").toBeUndefined();
        expect(findingOf(forged, earlier), `${how} at ${at}`).toMatch(/rewritten|cut off/);
        const known = { [log.name]: { size: 300, root: rootOf(leaves.slice(0, 300)) } };
        const proof = list.length >= 300 ? consistencyProof(own, 300) : [];
        expect(witnessCheckpoint(known, note, proof, [logKey]).accepted).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a witness", () => {
  const root = (size: number) => rootOf(leaves.slice(0, size));
  const known = { [log.name]: { size: 100, root: root(100) } };

  test("accepts a first head, the same head again and every later one with its proof, and remembers it", async () => {
    expect(witnessCheckpoint({}, await checkpointOf(9), [], [logKey])).toMatchObject({
      accepted: true,
      state: { [log.name]: { size: 9 } },
    });
    for (const size of [100, 101, 256, 600]) {
      const proof = consistencyProof(leaves.slice(0, size), 100);
      const verdict = witnessCheckpoint(known, await checkpointOf(size), proof, [logKey]);
      expect(verdict).toMatchObject({ accepted: true, state: { [log.name]: { size, root: root(size) } } });
    }
  });

  test("refuses an older head, another root, a missing proof, an unknown log and a foreign signature", async () => {
    const reasonOf = async (note: string, proof: readonly string[] = []) => {
      const verdict = witnessCheckpoint(known, note, proof, [logKey]);
      return verdict.accepted ? "accepted" : verdict.reason;
    };
    expect(await reasonOf(await checkpointOf(99))).toBe("older");
    expect(await reasonOf(await signCheckpoint({ origin: log.name, size: 100, root: root(99) }, log))).toBe("inconsistent");
    expect(await reasonOf(await checkpointOf(200))).toBe("inconsistent");
    expect(await reasonOf(await checkpointOf(200), consistencyProof(leaves.slice(0, 200), 99))).toBe("inconsistent");
    const other = signerOf("example.com/other");
    expect(await reasonOf(await signCheckpoint({ origin: other.name, size: 200, root: root(200) }, other))).toBe("unknownLog");
    const forger = signerOf(log.name);
    expect(await reasonOf(await signCheckpoint({ origin: log.name, size: 200, root: root(200) }, forger))).toBe("signature");
  });
});
