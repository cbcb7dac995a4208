/** Approvals of a version for an alias: who, in which role. Names are as they are given: whoever may write to the record may give one. */
import { z } from "zod";
import { nearest } from "../../base/index.ts";
import { type Guard, type ModelVersion, marksOf, type Reading, type Store, setMark } from "../../store/index.ts";
import { registryErrors } from "../errors.ts";
import type { Gate } from "./gate.ts";
import { type ReleaseRules, releaseRules } from "./rules.ts";

export interface Approval {
  readonly alias: string;
  readonly role: string;
  readonly by: string;
  readonly note: string | null;
  readonly atMs: number;
}

const value = z.strictObject({ alias: z.string(), role: z.string(), by: z.string(), note: z.string().nullable() });

/** One person, however they spell it. */
const personOf = (name: string): string => name.trim().toLowerCase();

export async function approvalsOf(db: Reading, version: ModelVersion, alias?: string): Promise<Approval[]> {
  const marks = (await marksOf(db, version.model, version.number)).filter(m => m.kind === "approval");
  return marks
    .flatMap(m => {
      const read = value.safeParse(m.value).data;
      return read ? [{ ...read, atMs: m.atMs }] : [];
    })
    .filter(a => alias === undefined || a.alias === alias);
}

export const rulesOf = (guard: Guard | undefined): ReleaseRules => releaseRules.parse(guard?.rules ?? {});

export interface ApprovalGiven {
  readonly alias: string;
  readonly by: string;
  readonly role: string;
  readonly note?: string | undefined;
  /** Takes an approval back. */
  readonly withdraw?: boolean;
}

/** Records an approval; the same again changes nothing. Errors: registry/role. */
export async function approve(store: Store, version: ModelVersion, guard: Guard | undefined, given: ApprovalGiven): Promise<boolean> {
  const { alias, role } = given;
  const by = given.by.trim();
  const place = `${version.model}@${version.number} for ${alias}`;
  const { approvals } = rulesOf(guard);
  const wanted = approvals.find(a => a.role === role);
  if (!wanted) {
    const roles = approvals.map(a => a.role);
    const near = nearest(role, roles);
    throw registryErrors.fail("role", {
      place,
      expected: roles.length > 0 ? `a role that ${alias} asks for: ${roles.join(", ")}` : "a release that asks for approvals",
      received: `"${role}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  if (by === "") throw registryErrors.fail("role", { place, expected: "a person's name", received: "none" });
  if (wanted.people && !wanted.people.some(p => personOf(p) === personOf(by)))
    throw registryErrors.fail("role", { place, expected: `one of ${wanted.people.join(", ")} as ${role}`, received: `"${by}"` });
  return setMark(store, {
    model: version.model,
    number: version.number,
    kind: "approval",
    key: `${alias}/${role}/${personOf(by)}`,
    value: given.withdraw ? null : { alias, role, by, note: given.note ?? null },
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

/** A gate a role. A person counts once, in whatever roles they approve. */
export function approvalGates(rules: ReleaseRules, given: readonly Approval[]): Gate[] {
  const people = new Map<string, Set<string>>();
  for (const { role, by } of given) {
    const may = rules.approvals.some(a => a.role === role && (a.people?.some(p => personOf(p) === personOf(by)) ?? true));
    if (may) people.set(personOf(by), (people.get(personOf(by)) ?? new Set()).add(role));
  }
  const seats = filled(
    rules.approvals.flatMap(a => Array.from({ length: a.count }, () => a.role)),
    people,
  );
  let from = 0;
  return rules.approvals.map(({ role, count }): Gate => {
    const who = seats.slice(from, from + count).filter(p => p !== undefined);
    from += count;
    return {
      kind: "approval",
      gate: `${count} ${role}${count > 1 ? "s" : ""}`,
      passed: who.length === count,
      told: `${who.length} of ${count}${who.length > 0 ? `: ${who.join(", ")}` : ""}`,
    };
  });
}
