/**
 * Approvals of a version for an alias: who, in which role. Signed ones are by an Ed25519 key that the release lists for the role, over what is
 * approved; who gave it is whom the release names for the key. Unsigned ones carry a name as it was given, and count only where the release
 * says so: whoever may write to the record may give one.
 */
import { z } from "zod";
import { canonicalJson, nearest } from "../../base/index.ts";
import { type AliasGuard, evaluationMarks, type ModelVersion, type ReadingDb, type Store, setMark } from "../../store/index.ts";
import { registryErrors } from "../errors.ts";
import { type RecordedRules, type ReleaseRules, recordedRules } from "../part.ts";
import { fingerprintOf, isSignedBy, type Signer } from "../versions/keys.ts";
import { gateOutcome, type ReleaseGate } from "./gate.ts";

type Role = ReleaseRules["approvals"][number];

/** What is approved, as it is signed: content for an alias of a model, in a role, with a note. */
interface ApprovalStatement {
  readonly model: string;
  readonly digest: string;
  readonly alias: string;
  readonly role: string;
  readonly by: string;
  readonly note: string | null;
}

export interface Approval {
  readonly alias: string;
  readonly role: string;
  readonly by: string;
  readonly note: string | null;
  readonly atMs: number;
  /** Of the key that signed it; null where it is unsigned, or the signature is not over this. */
  readonly signedBy: string | null;
  /** Signed, or given by an account that the server has checked; false: the name is what somebody says. */
  readonly isVerified: boolean;
}

const value = z.strictObject({
  alias: z.string(),
  role: z.string(),
  by: z.string(),
  note: z.string().nullable(),
  /** Given by an account. */
  isVerified: z.literal(true).optional(),
  publicKey: z.string().optional(),
  signature: z.string().optional(),
});

/** One person, however they spell it. */
const personOf = (name: string): string => name.trim().toLowerCase();

const statementOf = (s: ApprovalStatement): Buffer => Buffer.from(`loam approval 1\n${canonicalJson({ ...s })}\n`, "utf8");

function signerIn(version: ModelVersion, v: z.output<typeof value>): string | null {
  if (v.publicKey === undefined || v.signature === undefined) return null;
  const { alias, role, by, note } = v;
  const said = statementOf({ model: version.model, digest: version.digest, alias, role, by, note });
  return isSignedBy(v.publicKey, said, v.signature) ? fingerprintOf(v.publicKey) : null;
}

export async function approvalsOf(db: ReadingDb, version: ModelVersion, alias?: string): Promise<Approval[]> {
  const marks = (await evaluationMarks(db, version.model, version.number)).filter(m => m.kind === "approval");
  return marks
    .flatMap(m => {
      const read = value.safeParse(m.value).data;
      if (!read) return [];
      const { publicKey: _, signature: __, isVerified = false, ...said } = read;
      const signedBy = signerIn(version, read);
      return [{ ...said, atMs: m.atMs, signedBy, isVerified: isVerified || signedBy !== null }];
    })
    .filter(a => alias === undefined || a.alias === alias);
}

export const rulesOf = (guard: AliasGuard | undefined): RecordedRules => recordedRules.parse(guard?.rules ?? {});

export interface ApprovalGiven {
  readonly alias: string;
  /** Of an unsigned approval: who gives it, as they say. */
  readonly by: string;
  readonly role: string;
  /** `by` is an account that the server has checked. */
  readonly isVerified?: boolean | undefined;
  readonly note?: string | undefined;
  /** Signs it; the release says whose key it is. */
  readonly signer?: Signer | undefined;
  /** Takes an approval back. */
  readonly withdraw?: boolean;
}

/** Whose key it is in a role; a key under two names is the first one's. */
const ownerOf = ({ keys = {} }: Role, fingerprint: string): string | undefined =>
  Object.entries(keys).find(([, key]) => fingerprintOf(key) === fingerprint)?.[0];

function roleOf(rules: ReleaseRules, { alias, role }: ApprovalGiven, place: string): Role {
  const found = rules.approvals.find(a => a.role === role);
  if (found) return found;
  const roles = rules.approvals.map(a => a.role);
  if (roles.length === 0)
    throw registryErrors.fail("role", {
      place,
      expected: "an alias whose release in loam.yaml asks for approvals",
      received: `"${alias}"`,
      hint: "`loam models gates` lists what aliases ask for.",
    });
  const near = nearest(role, roles);
  throw registryErrors.fail("role", {
    place,
    expected: `a role that ${alias} asks for: ${roles.join(", ")}`,
    received: `"${role}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Who gives it, if they may. Errors: registry/role. */
function approverOf(role: Role, given: ApprovalGiven, place: string): string {
  const by = given.by.trim();
  const refuse = (expected: string, received: string, hint?: string) =>
    registryErrors.fail("role", { place, expected, received, ...(hint ? { hint } : {}) });
  if (given.signer) {
    const fingerprint = fingerprintOf(given.signer.publicKey);
    const owner = ownerOf(role, fingerprint);
    if (owner !== undefined) return owner;
    const keys = Object.entries(role.keys ?? {}).map(([name, key]) => `${name} (${fingerprintOf(key)})`);
    throw refuse(`a key of a ${role.role}: ${keys.join(", ") || "the release lists none"}`, fingerprint);
  }
  if (!role.unsigned && !given.withdraw)
    throw refuse(
      "a signed approval",
      "an unsigned one",
      role.keys ? "Sign it: --key FILE." : `List keys for the role in loam.yaml, or write \`unsigned: true\` beside it.`,
    );
  if (by === "") throw refuse("a person's name", "none");
  if (role.people && !role.people.some(p => personOf(p) === personOf(by)) && !given.withdraw)
    throw refuse(`one of ${role.people.join(", ")} as ${role.role}`, `"${by}"`);
  return by;
}

/** Records an approval; the same again changes nothing. Errors: registry/role. */
export async function approve(store: Store, version: ModelVersion, guard: AliasGuard | undefined, given: ApprovalGiven): Promise<boolean> {
  const { alias, role, signer } = given;
  const place = `${version.model}@${version.number} for ${alias}`;
  const by = approverOf(roleOf(rulesOf(guard), given, place), given, place);
  const note = given.note ?? null;
  const { model, number, digest } = version;
  const said = { alias, role, by, note };
  const signed = signer && {
    publicKey: signer.publicKey,
    signature: Buffer.from(await signer.sign(statementOf({ model, digest, ...said }))).toString("base64"),
  };
  const key = `${alias}/${role}/${personOf(by)}`;
  return setMark(store, {
    model,
    number,
    kind: "approval",
    key,
    value: given.withdraw ? null : { ...said, ...(given.isVerified ? { isVerified: true } : {}), ...signed },
  });
}

/** Gives each place of a role to a person of that role, one place a person at most: as many places as can be filled (Kuhn's augmenting paths). */
function filled(places: readonly string[], people: ReadonlyMap<string, ReadonlySet<string>>): (string | undefined)[] {
  const taken = new Map<string, number>();
  const seat = (place: number, tried: Set<string>): boolean => {
    for (const [person, roles] of people) {
      if (!roles.has(places[place]!) || tried.has(person)) continue;
      tried.add(person);
      const before = taken.get(person);
      if (before === undefined || seat(before, tried)) {
        taken.set(person, place);
        return true;
      }
    }
    return false;
  };
  for (const i of places.keys()) seat(i, new Set());
  const by = new Map([...taken].map(([person, place]) => [place, person]));
  return places.map((_, i) => by.get(i));
}

/** Who an approval is of, where it counts in its role. */
function countedAs(rules: ReleaseRules, given: Approval): string | undefined {
  for (const role of rules.approvals.filter(a => a.role === given.role)) {
    if (given.signedBy !== null) {
      const owner = ownerOf(role, given.signedBy);
      if (owner !== undefined) return personOf(owner);
    }
    if (role.unsigned && (role.people?.some(p => personOf(p) === personOf(given.by)) ?? true)) return personOf(given.by);
  }
  return undefined;
}

/** Persons that share a key are one: distinct people need distinct keys, in whatever roles. */
function onePersonAKey(rules: ReleaseRules): (person: string) => string {
  const first = new Map<string, string>();
  const same = new Map<string, string>();
  for (const { keys = {} } of rules.approvals)
    for (const [name, key] of Object.entries(keys)) {
      const known = first.get(fingerprintOf(key));
      if (known === undefined) first.set(fingerprintOf(key), personOf(name));
      else if (known !== personOf(name)) same.set(personOf(name), known);
    }
  return person => {
    let at = person;
    for (let i = 0; i < same.size && same.has(at); i++) at = same.get(at)!;
    return at;
  };
}

/** A gate a role. A person counts once, in whatever roles they approve, and so does a key. */
export function approvalGates(rules: ReleaseRules, given: readonly Approval[]): ReleaseGate[] {
  const people = new Map<string, Set<string>>();
  const identity = onePersonAKey(rules);
  const signed = new Set<string>();
  for (const approval of given) {
    const counted = countedAs(rules, approval);
    if (counted === undefined) continue;
    const person = identity(counted);
    people.set(person, (people.get(person) ?? new Set()).add(approval.role));
    if (approval.signedBy !== null) signed.add(`${person} ${approval.role}`);
  }
  const seats = filled(
    rules.approvals.flatMap(a => Array.from({ length: a.count }, () => a.role)),
    people,
  );
  let from = 0;
  return rules.approvals.map(({ role, count }): ReleaseGate => {
    const who = seats.slice(from, from + count).filter(p => p !== undefined);
    from += count;
    const names = who.map(p => (signed.has(`${p} ${role}`) ? `${p} (signed)` : p)).sort();
    const uncounted = given
      .filter(a => a.role === role && countedAs(rules, a) === undefined)
      .map(a => a.by)
      .sort();
    return {
      kind: "approval",
      gate: `${count} ${role}${count > 1 ? "s" : ""}`,
      ...gateOutcome(who.length === count),
      value: who.length,
      operator: ">=",
      bound: count,
      told: `${who.length} of ${count}${names.length > 0 ? `: ${names.join(", ")}` : ""}${uncounted.length > 0 ? `; not counted, unsigned or not theirs to give: ${uncounted.join(", ")}` : ""}`,
    };
  });
}
