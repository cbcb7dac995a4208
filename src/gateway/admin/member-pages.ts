/**
 * Members of teams and holders of roles by HTTP: an account is put into a team or given a role, and taken out, whatever else changes about it at
 * the same time. Only accounts that the state keeps are changed so; those of the file are changed there.
 */
import { nearest } from "../../base/index.ts";
import type { Control } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import type { EntryKind, EntryValue } from "../identity/entry.ts";
import { membersOf, shownEntry } from "./entries.ts";
import { type AdminPage, type AdminRequest, adminJson, onlyKeys } from "./page.ts";

/** What has members, and the list of an account that says so. */
const bindings = ["teams", "roles"] as const;
type Binding = (typeof bindings)[number];

/** Errors: parameter, unknownEntry. */
function bindingOf({ gateway, params }: AdminRequest, others: readonly string[] = []): Binding | "organisations" {
  const kind = [...bindings, ...others].find(k => k === params.kind);
  if (kind === undefined)
    throw gatewayErrors.fail("parameter", {
      place: "kind",
      expected: `one of ${[...bindings, ...others].join(", ")}`,
      received: JSON.stringify(params.kind!.slice(0, 60)),
    });
  if (kind !== "roles") gateway.control.entries.find(kind as EntryKind, params.name!);
  return kind as Binding | "organisations";
}

/** Errors: unknownSubject. */
function accountKind({ entries }: Control, member: string): "users" | "serviceAccounts" {
  const accounts = [...entries.list("users"), ...entries.list("serviceAccounts")];
  const found = accounts.find(e => e.name === member);
  if (found) return found.kind as "users" | "serviceAccounts";
  const near = nearest(
    member,
    accounts.map(e => e.name),
  );
  throw gatewayErrors.fail("unknownSubject", {
    place: "member",
    expected: "a user or service account",
    received: JSON.stringify(member.slice(0, 60)),
    hint: near ? `Did you mean "${near}"?` : "Make the account first.",
  });
}

const edited = async (asked: AdminRequest, how: (list: readonly string[], name: string) => string[]) => {
  onlyKeys(asked.query, []);
  const { gateway, params, by } = asked;
  const binding = bindingOf(asked);
  const { entries } = gateway.control;
  const kind = accountKind(gateway.control, params.member!);
  const change = (value: EntryValue): EntryValue => ({
    ...value,
    [binding]: how((value[binding] as readonly string[] | undefined) ?? [], params.name!),
  });
  return shownEntry(await entries.edit({ kind, name: params.member! }, change, by));
};

export const memberPages: readonly AdminPage[] = [
  {
    path: "/gateway/principals/:kind/:name/members",
    methods: {
      GET: {
        right: "look",
        answer: async asked => {
          onlyKeys(asked.query, []);
          const of = bindingOf(asked, ["organisations"]);
          return adminJson({ object: "list", data: membersOf(asked.gateway.control.access().principals, of, asked.params.name!) });
        },
      },
    },
  },
  {
    path: "/gateway/principals/:kind/:name/members/:member",
    methods: {
      PUT: {
        right: "change",
        answer: async asked =>
          adminJson({ principal: await edited(asked, (list, name) => (list.includes(name) ? [...list] : [...list, name])) }),
      },
      DELETE: {
        right: "change",
        answer: async asked => adminJson({ principal: await edited(asked, (list, name) => list.filter(n => n !== name)) }),
      },
    },
  },
];
