/** What a list of steps promises: what each is given, how a request ends early, what is undone and in which order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Answer, End } from "../http/exchange.ts";
import { pipeline } from "./pipeline.ts";
import { type Adds, type Arrival, EarlyAnswer, type Reads } from "./step.ts";
import { settle } from "./steps/settle.ts";

const answer: Answer = { status: 200, headers: {}, body: "" };
const plain = (body: string): Answer => ({ ...answer, body });
/** As much of an arrival as these steps look at. */
const arrival = (end: (end: End) => void = () => {}): Arrival => ({ end }) as Arrival;

type Act = "pass" | "wait" | "answer" | "throw";

test("hooks run once, in reverse, of the steps that were passed: on an answer onAnswer, on a failure onFailure", async () => {
  const act = fc.constantFrom<Act>("pass", "pass", "pass", "wait", "answer", "throw");
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 8 }), fc.boolean(), async (acts, isLastThrowing) => {
      const seen: string[] = [];
      let list = pipeline();
      acts.forEach((how, i) => {
        const step = (): Adds | EarlyAnswer | Promise<Adds> => {
          seen.push(`run ${i}`);
          if (how === "throw") throw new Error(`step ${i}`);
          if (how === "answer") return new EarlyAnswer(plain(`early ${i}`));
          const hooks = {
            onAnswer: (given: Answer) => {
              seen.push(`answer ${i}`);
              return plain(`${String(given.body)} ${i}`);
            },
            onFailure: () => void seen.push(`undo ${i}`),
          };
          return how === "wait" ? Promise.resolve(hooks) : hooks;
        };
        list = list.step(step);
      });
      const last = list.relay(() => {
        if (isLastThrowing) throw new Error("last");
        return plain("last");
      });
      const given = await last
        .settle(settle)
        .run(arrival())
        .then(
          ({ body }) => String(body),
          (error: Error) => error.message,
        );
      const stop = acts.findIndex(a => a === "answer" || a === "throw");
      const passed = [...acts.keys()].slice(0, stop < 0 ? acts.length : stop);
      const runs = [...passed, ...(stop < 0 ? [] : [stop])].map(i => `run ${i}`);
      const isFailure = stop < 0 ? isLastThrowing : acts[stop] === "throw";
      const back = passed.toReversed();
      expect(seen).toEqual([...runs, ...back.map(i => `${isFailure ? "undo" : "answer"} ${i}`)]);
      const origin = stop < 0 ? "last" : isFailure ? `step ${stop}` : `early ${stop}`;
      expect(given).toBe(isFailure ? origin : [origin, ...back].join(" "));
    }),
  );
});

test("where a hook on the way back fails, the steps before it are undone and those behind it are not", async () => {
  const seen: string[] = [];
  const noted =
    (name: string, isFailing = false) =>
    (): Adds => ({
      onAnswer: given => {
        seen.push(`answer ${name}`);
        if (isFailing) throw new Error(name);
        return given;
      },
      onFailure: () => void seen.push(`undo ${name}`),
    });
  const list = pipeline()
    .step(noted("first"))
    .step(noted("second", true))
    .step(noted("third"))
    .relay(() => answer);
  await expect(list.settle(settle).run(arrival())).rejects.toThrow("second");
  expect(seen).toEqual(["answer third", "answer second", "undo first"]);
});

test("the end of an answer passes the steps that wrapped it, the last one first; an answer that is whole has ended when it is given", async () => {
  const seen: string[] = [];
  const wraps =
    (name: string) =>
    ({ end }: Arrival): Adds => ({
      end: how => {
        seen.push(name);
        end(how);
      },
    });
  const list = pipeline()
    .step(wraps("first"))
    .step(wraps("second"))
    .answer(() => answer);
  await list.settle(settle).run(arrival(({ status }) => seen.push(`ended ${status}`)));
  expect(seen).toEqual(["second", "first", "ended 200"]);
});

test("a list in which nobody adds what a step reads does not compile", () => {
  const needsAsk = ({ ask }: Reads<"ask">): Answer => plain(ask.text);
  // @ts-expect-error no step adds `ask`
  pipeline().answer(needsAsk);
  const list = pipeline<Reads<"ask">>().answer(needsAsk).settle(settle);
  expect(list.names).toEqual(["needsAsk", "settle"]);
});
