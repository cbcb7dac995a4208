/** `loam gateway keys`: API keys are made, listed, revoked and given a new secret; a secret is shown once. Each change is in the list of changes. */
import type { KeyInfo } from "../../gateway/index.ts";
import { administered } from "../../project/gateway/index.ts";
import { thisUser, wrongArgument } from "../../project/index.ts";
import { gatewayAt } from "../gateway-place.ts";
import { textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";

const dayMs = 24 * 3_600_000;
const day = (ms: number | null): string => (ms === null ? "-" : new Date(ms).toISOString().slice(0, 10));

/** A time of at least so many days or hours. Errors: cli/usage. */
function daysOf(options: Options, key: string, least = 1): number | undefined {
  const text = textOption(options, key);
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d+)([dh])$/.exec(text) ?? [];
  if (number !== undefined && Number(number) >= least) return Number(number) * (unit === "d" ? dayMs : dayMs / 24);
  throw wrongArgument(`loam gateway keys: --${key}`, "a time such as 90d or 12h", JSON.stringify(text));
}

function stateOf(key: KeyInfo, nowMs: number): string {
  if (key.revokedMs !== null && key.revokedMs <= nowMs) return "revoked";
  if (key.expiresMs !== null && key.expiresMs <= nowMs) return "expired";
  return "good";
}

function given(word: string | undefined, what: string): string {
  if (word !== undefined) return word;
  throw wrongArgument("loam gateway keys", what, "nothing");
}

const shown = ({ out }: Context, key: KeyInfo, secret: string): void => {
  if (secret.startsWith(key.prefix)) out.line(`  ${secret}`);
  else {
    out.line(`  access key id      ${key.prefix}`);
    out.line(`  secret access key  ${secret}`);
  }
  out.line(`  Key ${key.id} (${key.name}) of ${key.subject}. It is shown this once; keep it now.`);
  out.result({ key, secret });
};

export const gatewayKeys: VerbRun = async (context, [action, name], options) => {
  const { out } = context;
  const by = textOption(options, "as") ?? thisUser();
  const now = Date.now();
  const expires = daysOf(options, "expires");
  const overlapMs = daysOf(options, "overlap", 0);
  await administered(gatewayAt(context, options), "loam gateway keys", async keys => {
    switch (action) {
      case "create": {
        const scopes = options.scope;
        const { key, secret } = await keys.createKey(
          {
            name: given(name, "what the key is called: loam gateway keys create NAME"),
            subject: given(textOption(options, "subject"), "whose key it is: --subject USER"),
            ...(Array.isArray(scopes) ? { scopes } : {}),
            ...(expires === undefined ? {} : { expiresMs: now + expires }),
            ...(options.signing === true ? { kind: "sigv4" } : {}),
          },
          by,
        );
        return shown(context, key, secret);
      }
      case "list": {
        const subject = textOption(options, "subject");
        const list = await keys.listKeys(subject);
        if (list.length === 0) out.line("  There are no keys.");
        for (const k of list)
          out.line(
            `  ${k.id.padEnd(20)} ${k.prefix.padEnd(14)} ${stateOf(k, now).padEnd(8)} ${k.subject.padEnd(16)} ${k.name.padEnd(20)} until ${day(k.expiresMs)}  used ${day(k.lastUsedMs)}`,
          );
        return out.result({ keys: list });
      }
      case "revoke": {
        const key = await keys.revokeKey(given(name, "the key's id or beginning"), by);
        out.line(`  ${key.id} (${key.name}) is revoked; running gateways know within seconds.`);
        return out.result({ key });
      }
      case "rotate": {
        const { key, secret } = await keys.rotateKey(given(name, "the key's id or beginning"), by, overlapMs);
        return shown(context, key, secret);
      }
      default:
        throw wrongArgument("loam gateway keys", "create, list, revoke or rotate", JSON.stringify(action ?? "nothing"));
    }
  });
};
