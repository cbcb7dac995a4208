/** Principals, policies and limits by HTTP: listed, shown, made, replaced, deleted. Those of the file are shown and not changed. */
import { gatewayErrors } from "../errors.ts";
import { readObject } from "../http/ask.ts";
import { type AccessEntry, type EntryKind, isPrincipal, type Match } from "../identity/entry.ts";
import { accountOf } from "../identity/principals.ts";
import { checkModels, givenEntry, membersOf, principalKind, shownEntry } from "./entries.ts";
import { type AdminMethod, type AdminPage, type AdminRequest, adminJson, onlyKeys } from "./page.ts";

/** `If-Match: "7"` or `*`, `If-None-Match: *`. Errors: parameter. */
function matchOf(headers: Headers): Match {
  const [wanted, none] = [headers.get("if-match"), headers.get("if-none-match")];
  const wrong = (place: string, expected: string, received: string) => gatewayErrors.fail("parameter", { place, expected, received });
  if (none !== null) {
    if (none.trim() !== "*" || wanted !== null)
      throw wrong("if-none-match", "* alone, for a name that is free", JSON.stringify(none.slice(0, 40)));
    return "none";
  }
  if (wanted === null) return undefined;
  if (wanted.trim() === "*") return "any";
  const [, revision] = /^(?:W\/)?"?(\d{1,15})"?$/.exec(wanted.trim()) ?? [];
  if (revision === undefined) throw wrong("if-match", 'the ETag that was shown, such as "7", or *', JSON.stringify(wanted.slice(0, 40)));
  return Number(revision);
}

const tagged = ({ revision }: AccessEntry): Readonly<Record<string, string>> => (revision === null ? {} : { etag: `"${revision}"` });

/** Where the kind and the name of an entry stand in an address, and what an answer calls one. */
interface Place {
  readonly kind: (asked: AdminRequest) => EntryKind;
  readonly name: (asked: AdminRequest) => string;
  readonly word: "principal" | "policy" | "limit";
}

const methodsOf = ({ kind, name, word }: Place): Readonly<Record<"GET" | "PUT" | "DELETE", AdminMethod>> => ({
  GET: {
    right: "look",
    answer: async asked => {
      onlyKeys(asked.query, []);
      const { control } = asked.gateway;
      const entry = control.entries.find(kind(asked), name(asked));
      const { principals } = control.access();
      const more =
        entry.kind === "users" || entry.kind === "serviceAccounts"
          ? { effective: accountOf(principals, entry.name) ?? null }
          : entry.kind === "teams" || entry.kind === "organisations"
            ? { members: membersOf(principals, entry.kind, entry.name) }
            : {};
      return adminJson({ [word]: shownEntry(entry), ...more }, 200, tagged(entry));
    },
  },
  PUT: {
    right: "change",
    answer: async asked => {
      onlyKeys(asked.query, []);
      const { gateway, request, by } = asked;
      const [ofKind, ofName] = [kind(asked), name(asked)];
      const { body } = await readObject(request);
      const { value, revision } = givenEntry(ofKind, ofName, body);
      checkModels(ofKind, value, gateway.config.routes);
      const match = matchOf(request.headers) ?? revision;
      const { entry, isNew } = await gateway.control.entries.put({ kind: ofKind, name: ofName, match, value }, by);
      return adminJson({ created: isNew, [word]: shownEntry(entry) }, isNew ? 201 : 200, tagged(entry));
    },
  },
  DELETE: {
    right: "change",
    answer: async asked => {
      onlyKeys(asked.query, []);
      const match = matchOf(asked.request.headers);
      const entry = await asked.gateway.control.entries.remove({ kind: kind(asked), name: name(asked), match }, asked.by);
      return adminJson({ deleted: true, [word]: shownEntry(entry) });
    },
  },
});

export const entryPages: readonly AdminPage[] = [
  {
    path: "/gateway/principals",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["kind"]);
          const kind = query.get("kind");
          const { entries } = gateway.control;
          const all = kind === null ? entries.list().filter(e => isPrincipal(e.kind)) : entries.list(principalKind(kind));
          return adminJson({ object: "list", data: all.map(shownEntry) });
        },
      },
    },
  },
  {
    path: "/gateway/principals/:kind/:name",
    methods: methodsOf({ kind: ({ params }) => principalKind(params.kind!), name: ({ params }) => params.name!, word: "principal" }),
  },
  {
    path: "/gateway/policies",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, []);
          return adminJson({ object: "list", data: gateway.control.entries.list("policies").map(shownEntry) });
        },
      },
    },
  },
  { path: "/gateway/policies/:name", methods: methodsOf({ kind: () => "policies", name: ({ params }) => params.name!, word: "policy" }) },
  { path: "/gateway/limits/:name", methods: methodsOf({ kind: () => "limits", name: ({ params }) => params.name!, word: "limit" }) },
];
