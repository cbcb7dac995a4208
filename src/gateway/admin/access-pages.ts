/** Why a request would be allowed or not, who changed what; and taking up the changed file. */
import { isLoamError } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";
import type { ChangeEntry } from "../identity/changes.ts";
import { explainRequest } from "./explain-request.ts";
import { type AdminPage, adminJson, numberOf, onlyKeys } from "./page.ts";

/** Entries in one answer. */
const mostChanges = 1_000;

const needed = (query: URLSearchParams, key: string, expected: string): string => {
  const value = query.get(key);
  if (value !== null && value !== "") return value;
  throw gatewayErrors.fail("parameter", { place: key, expected, received: "nothing" });
};

export const accessPages: readonly AdminPage[] = [
  {
    path: "/gateway/changes",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["from", "most", "verify"]);
          const { control } = gateway;
          const most = numberOf(query, "most", 100, 1, mostChanges);
          const head = await control.head();
          // the newest where nothing is said
          const from = numberOf(query, "from", Math.max(0, (head?.position ?? 0) - most + 1), 0, Number.MAX_SAFE_INTEGER);
          const data: ChangeEntry[] = [];
          for await (const entry of control.changes(from)) {
            data.push(entry);
            if (data.length >= most) break;
          }
          const finding = query.get("verify") === "true" ? await control.verifyChanges() : undefined;
          return adminJson({ object: "list", data, head, ...(finding === undefined ? {} : { verified: finding === null, finding }) });
        },
      },
    },
  },
  {
    path: "/gateway/explain",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, ["key", "method", "path", "model", "set", "header", "tokens"]);
          return adminJson(
            await explainRequest(
              gateway.control,
              gateway.config.routes,
              {
                key: needed(query, "key", "the id of a key"),
                method: query.get("method") ?? "POST",
                path: needed(query, "path", "an address such as /v1/chat/completions"),
                model: query.get("model"),
                set: query.getAll("set"),
                header: query.getAll("header"),
                tokens: numberOf(query, "tokens", 0, 0, 1_000_000_000),
              },
              gateway.runtime,
            ),
          );
        },
      },
    },
  },
  {
    path: "/gateway/reload",
    methods: {
      POST: {
        right: "change",
        answer: async ({ gateway, query, by }) => {
          onlyKeys(query, []);
          if (!gateway.readAgain)
            throw gatewayErrors.fail("config", {
              message: "this gateway was started without a file",
              hint: "Start it with a configuration file.",
            });
          try {
            await gateway.readAgain(by);
          } catch (error) {
            if (!isLoamError(error) || error.code === "gateway/lastAdmin") throw error;
            // whatever is wrong with the file, the old one stays
            throw gatewayErrors.fail("config", { message: error.message, hint: "Nothing was changed." }, error);
          }
          return adminJson({ reloaded: true, head: await gateway.control.head() });
        },
      },
    },
  },
];
