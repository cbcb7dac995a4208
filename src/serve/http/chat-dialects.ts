/**
 * Other APIs' chats over this server's own, such as Anthropic's Messages (POST /v1/messages, /v1/messages/count_tokens): official clients work
 * against it, with streams and tools. What a chat has no word for (tools of the provider's own) is refused by name.
 */
import { type ChatDialect, doneData, ProtocolFault, type Row, requestFields, writtenEvents } from "../../protocols/index.ts";
import { serveErrors } from "../errors.ts";
import { chatPromptTokens, startCompletion } from "./chat.ts";
import { completionLengths } from "./completions.ts";
import { answering, type Contract, describing, post } from "./contract.ts";
import { type AppContext, type Services, streamAnswer } from "./exchange.ts";
import { checkedBody } from "./request-fields.ts";

/** Errors: serve/parameter, serve/unsupported with the parameter. */
function chatOf(dialect: ChatDialect, body: Row): Row {
  try {
    return dialect.toChat(body);
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error;
    const { kind, place, what, received, hint } = error;
    if (kind === "parameter") throw serveErrors.fail("parameter", { place, expected: what, received }, error);
    throw serveErrors.fail("unsupported", { place, message: `${what} is not supported`, hint }, error);
  }
}

async function create(dialect: ChatDialect, c: AppContext, services: Services): Promise<Response> {
  const body = await checkedBody(c, requestFields.messages);
  const chat = startCompletion(c, services, chatOf(dialect, body), fields => [...new Set(fields.map(f => dialect.names[f] ?? f))]);
  const known = { inputTokens: chat.inputTokens, showsReasoning: dialect.showsReasoning(body) };
  if (!chat.isStream) return c.json(dialect.answer(await chat.whole(), known));
  const say = dialect.stream(undefined, known);
  async function* events(): AsyncGenerator<string, void, undefined> {
    for await (const chunk of chat.chunks()) {
      const text = say(JSON.stringify(chunk));
      if (text !== "") yield text;
    }
    yield say(doneData);
  }
  const framing = writtenEvents(({ error }) => say(JSON.stringify({ error })), say(undefined));
  return streamAnswer(c, services, chat.generations, events(), framing);
}

/** A request that is only counted bounds no answer. */
async function countTokens(dialect: ChatDialect, c: AppContext, services: Services): Promise<Response> {
  const chat = chatOf(dialect, { ...(await checkedBody(c, requestFields.countTokens)), max_tokens: 1, stream: false });
  return c.json({ input_tokens: chatPromptTokens(c, services, chat).length });
}

export function chatDialectContract(dialect: ChatDialect): Contract {
  const path = dialect.address;
  return {
    name: dialect.name,
    prefix: path,
    ...(path.startsWith("/v1/") ? { optionalPrefix: "/v1" } : {}),
    endpoint: "chat",
    namesModel: true,
    errors: ({ status, error }) => dialect.error(status, error.message),
    routes: [
      answering(
        "chat",
        post(path, (c, services) => create(dialect, c, services), "chat"),
        completionLengths,
      ),
      describing(
        "chat",
        post(`${path}/count_tokens`, (c, services) => countTokens(dialect, c, services)),
      ),
    ],
  };
}
