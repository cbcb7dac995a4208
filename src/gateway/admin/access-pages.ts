/** Who there is, who may do what, why a request would be allowed or not, who changed what; and taking up the changed file. */
import { isLoamError } from "../../base/index.ts";
import type { ChangeEntry } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import { type AdminPage, json, numberOf, onlyKeys } from "./page.ts";
import { endpointOf } from "./what-is-asked.ts";

/** Entries in one answer. */
const mostChanges = 1_000;

const needed = (query: URLSearchParams, key: string, expected: string): string => {
  const value = query.get(key);
  if (value !== null && value !== "") return value;
  throw gatewayErrors.fail("parameter", { place: key, expected, received: "nothing" });
};

/** `max_tokens=200` as a number, `stream=true` as truth, the rest as text. */
const parameterOf = (text: string): number | string | boolean =>
  text === "true" || text === "false" ? text === "true" : text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;

export const accessPages: readonly AdminPage[] = [
  {
    path: "/gateway/principals",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, []);
          return json(gateway.control.access().principals);
        },
      },
    },
  },
  {
    path: "/gateway/policies",
    methods: {
      GET: {
        right: "look",
        answer: async ({ gateway, query }) => {
          onlyKeys(query, []);
          return json({ object: "list", data: gateway.control.access().policies });
        },
      },
    },
  },
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
          return json({ object: "list", data, head, ...(finding === undefined ? {} : { verified: finding === null, finding }) });
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
          const { control, config } = gateway;
          onlyKeys(query, ["key", "method", "path", "model", "set"]);
          const key = needed(query, "key", "the id of a key");
          const endpoint = endpointOf(query.get("method") ?? "POST", needed(query, "path", "an address such as /v1/chat/completions"));
          const asked = query.get("model");
          const at = asked?.lastIndexOf("@") ?? -1;
          const named = asked === null ? null : at > 0 ? asked.slice(0, at) : asked;
          const route = named === null ? undefined : config.routes.get(named);
          if (named !== null && !route)
            throw gatewayErrors.fail("parameter", {
              place: "model",
              expected: `one of ${[...config.routes.keys()].slice(0, 10).join(", ")}`,
              received: JSON.stringify(named.slice(0, 100)),
            });
          const parameters = Object.fromEntries(
            query.getAll("set").map(text => {
              const cut = text.indexOf("=");
              if (cut < 1)
                throw gatewayErrors.fail("parameter", { place: "set", expected: "KEY=VALUE", received: JSON.stringify(text.slice(0, 60)) });
              return [text.slice(0, cut), parameterOf(text.slice(cut + 1))];
            }),
          );
          const identity = await control.identityOf(key);
          const action = { endpoint, model: route?.name ?? null, label: at > 0 ? asked!.slice(at + 1) : null, parameters };
          return json({ identity, action, ...control.explain(identity, action) });
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
          return json({ reloaded: true, head: await gateway.control.head() });
        },
      },
    },
  },
];
