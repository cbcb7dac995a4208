#!/usr/bin/env node
/**
 * Verifies an exported log (C2SP tlog-checkpoint, tlog-tiles, tlog-cosignature) with Node alone: this one file imports nothing of Loam. Copy it.
 *
 *   node verify.mjs FOLDER --key LOG.VKEY [--witness KEY]... [--old CHECKPOINT] [--entry N]
 *
 * Checks the signatures, every entry against its leaf, every tile against the leaves, the root against the checkpoint; with --old that the earlier
 * checkpoint is a beginning of the log; with --entry prints that entry after checking its path to the root. Exit status 0: all fits; 1: it does not.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const width = 256;
const sha = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
export const leafOf = entry => sha(Uint8Array.of(0), entry);
export const nodeOf = (left, right) => sha(Uint8Array.of(1), left, right);
const emptyRoot = sha();

/** MTH of RFC 6962 over leaves [from, to). */
export function rootOf(leaves, from = 0, to = leaves.length) {
  if (to - from === 0) return emptyRoot;
  if (to - from === 1) return leaves[from];
  let k = 1;
  while (k * 2 < to - from) k *= 2;
  return nodeOf(rootOf(leaves, from, from + k), rootOf(leaves, from + k, to));
}

/** PATH(index) of RFC 6962, the sibling of the leaf first. */
export function pathOf(leaves, index, from = 0, to = leaves.length) {
  if (to - from <= 1) return [];
  let k = 1;
  while (k * 2 < to - from) k *= 2;
  return index - from < k
    ? [...pathOf(leaves, index, from, from + k), rootOf(leaves, from + k, to)]
    : [...pathOf(leaves, index, from + k, to), rootOf(leaves, from, from + k)];
}

/** RFC 9162, 2.1.3.2: whether the leaf is at `index` of the tree of `size` leaves with this root. */
export function isIncluded(leaf, index, size, path, root) {
  if (!(index >= 0 && index < size)) return false;
  let [node, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeOf(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else hash = nodeOf(hash, sibling);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && hash.equals(root);
}

class Finding extends Error {}
const refuse = text => {
  throw new Finding(text);
};

/** `x001/x234/067` of C2SP tlog-tiles. */
const numberPath = n => {
  const digits = String(n).padStart(3 * Math.ceil(String(n).length / 3), "0");
  const groups = digits.match(/\d{3}/g);
  return groups.map((g, i) => (i < groups.length - 1 ? `x${g}` : g)).join("/");
};
const filePath = (folder, level, index, count) => join(folder, `tile/${level}/${numberPath(index)}${count < width ? `.p/${count}` : ""}`);
const read = path =>
  existsSync(path) ? readFileSync(path) : refuse(`${path}: expected a file, got none. The log was cut, or the export is not whole.`);

/** A verifier key: NAME+HASH+BASE64(algorithm, key). 1: a log's Ed25519; 4: a witness's. */
export function keyOf(text) {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? refuse(`${text}: expected a verifier key`);
  const bytes = Buffer.from(encoded, "base64");
  const id = sha(`${name}\n`, bytes).subarray(0, 4);
  if (bytes.length !== 33 || ![1, 4].includes(bytes[0]) || id.toString("hex") !== hash)
    refuse(`${text}: expected a verifier key of Ed25519`);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes.subarray(1)]);
  return { name, id, isWitness: bytes[0] === 4, key: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

/** Origin, size and root, after one signature of each key was verified. */
export function openCheckpoint(note, keys) {
  const at = note.lastIndexOf("\n\n");
  const text = note.slice(0, at + 1);
  const [origin, digits, hash] = text.split("\n");
  const root = Buffer.from(hash ?? "", "base64");
  if (at < 0 || !/^(0|[1-9]\d*)$/.test(digits ?? "") || root.length !== 32) refuse("checkpoint: expected origin, size and root");
  const lines = note
    .slice(at + 2)
    .split("\n")
    .filter(Boolean);
  for (const { name, id, isWitness, key } of keys) {
    const isSigned = lines.some(line => {
      const [, by, encoded] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? [];
      const bytes = Buffer.from(encoded ?? "", "base64");
      if (by !== name || !bytes.subarray(0, 4).equals(id)) return false;
      if (!isWitness) return verify(null, Buffer.from(text), key, bytes.subarray(4));
      if (bytes.length !== 76) return false;
      return verify(null, Buffer.from(`cosignature/v1\ntime ${bytes.readBigUInt64BE(4)}\n${text}`), key, bytes.subarray(12));
    });
    if (!isSigned) refuse(`checkpoint: expected a valid signature of ${name}, got none`);
    if (!isWitness && origin !== name) refuse(`checkpoint: expected the origin ${name}, got ${origin}`);
  }
  return { origin, size: Number(digits), root };
}

/** The entries of a bundle. An entry too long for it stands there with the length 0 and in a file of its own. */
function bundleOf(folder, index, count) {
  const path = filePath(folder, "entries", index, count);
  const bytes = read(path);
  const entries = [];
  for (let at = 0; at < bytes.length && entries.length < count; ) {
    const length = at + 2 <= bytes.length ? bytes.readUInt16BE(at) : Number.NaN;
    if (!(at + 2 + length <= bytes.length)) refuse(`${path}: expected ${count} entries, got ${entries.length} and part of one`);
    entries.push(
      length === 0 ? read(join(folder, `tile/long/${index * width + entries.length}`)) : bytes.subarray(at + 2, at + 2 + length),
    );
    at += 2 + length;
    if (entries.length === count && at !== bytes.length) refuse(`${path}: expected ${count} entries, got more`);
  }
  if (entries.length !== count) refuse(`${path}: expected ${count} entries, got ${entries.length}`);
  return entries;
}

/** Verifies all; answers the checkpoint and the entries. Throws with the first thing that does not fit. */
export function verifyLog(folder, /** @type {{ keys: readonly ReturnType<typeof keyOf>[], old?: string | undefined }} */ { keys, old }) {
  if (!keys.some(k => !k.isWitness)) refuse("expected the log's verifier key (--key)");
  const checkpoint = openCheckpoint(read(join(folder, "checkpoint")).toString(), keys);
  const entries = [];
  for (let index = 0; entries.length < checkpoint.size; index++)
    entries.push(...bundleOf(folder, index, Math.min(width, checkpoint.size - entries.length)));
  const leaves = entries.map(leafOf);
  for (let level = 0, row = leaves; row.length > 0; level++) {
    const above = [];
    for (let at = 0; at < row.length; at += width) {
      const hashes = row.slice(at, at + width);
      const path = filePath(folder, level, at / width, hashes.length);
      const tile = read(path);
      for (const [i, hash] of hashes.entries())
        if (!tile.subarray(32 * i, 32 * i + 32).equals(hash))
          refuse(
            level === 0
              ? `entry ${at + i}: expected the leaf ${tile.toString("hex", 32 * i, 32 * i + 32)}, got ${hash.toString("hex")}. It was changed or moved.`
              : `${path}: hash ${i} does not fit the tiles below`,
          );
      if (tile.length !== 32 * hashes.length) refuse(`${path}: expected ${hashes.length} hashes, got ${tile.length / 32}`);
      if (hashes.length === width) above.push(rootOf(hashes));
    }
    row = above;
  }
  const root = rootOf(leaves);
  if (!root.equals(checkpoint.root))
    refuse(
      `checkpoint: expected the root ${checkpoint.root.toString("hex")}, got ${root.toString("hex")} of the entries. They were changed, cut or moved.`,
    );
  if (old !== undefined) {
    const before = openCheckpoint(
      old,
      keys.filter(k => !k.isWitness),
    );
    if (before.size > checkpoint.size)
      refuse(`checkpoint: expected at least the ${before.size} entries of the earlier one, got ${checkpoint.size}. The end was cut off.`);
    if (!rootOf(leaves, 0, before.size).equals(before.root))
      refuse(`checkpoint: the earlier one of ${before.size} entries is no beginning of this log. It was rewritten.`);
  }
  return { ...checkpoint, entries, leaves };
}

function main(words) {
  const [folder, ...rest] = words;
  const given = { "--key": [], "--witness": [], "--old": [], "--entry": [] };
  for (let i = 0; i < rest.length; i += 2)
    (given[rest[i]] ?? refuse(`${rest[i]}: expected ${Object.keys(given).join(", ")}`)).push(
      rest[i + 1] ?? refuse(`${rest[i]}: expected a value`),
    );
  if (folder === undefined) refuse("expected: node verify.mjs FOLDER --key LOG.VKEY [--witness KEY]... [--old CHECKPOINT] [--entry N]");
  const keys = [...given["--key"], ...given["--witness"]].map(text => keyOf(existsSync(text) ? readFileSync(text, "utf8") : text));
  const old = given["--old"][0];
  const log = verifyLog(folder, { keys, old: old === undefined ? undefined : readFileSync(old, "utf8") });
  console.log(`${log.origin}: ${log.size} entries fit the signed root ${log.root.toString("hex")}`);
  for (const text of given["--entry"]) {
    const index = Number(text);
    const path =
      Number.isInteger(index) && index >= 0 && index < log.size
        ? pathOf(log.leaves, index)
        : refuse(`--entry: expected 0 to ${log.size - 1}, got ${text}`);
    if (!isIncluded(log.leaves[index], index, log.size, path, log.root)) refuse(`entry ${index} is not in the tree`);
    console.log(log.entries[index].toString());
  }
}

// started by a link to it, too: a program that checks nothing must not end as if all fitted
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url)))
  try {
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    console.error(`verify: ${error.message}`);
    process.exitCode = 1;
  }
