/** A list of steps as it is written, with its types checked, and run: each step is given what those before it have added. */
import type { Answer, End, GatewayExchange } from "../http/exchange.ts";
import type { PipelineFields } from "./fields.ts";
import { type Arrival, EarlyAnswer, type StepHooks } from "./step.ts";

type StepResult = StepHooks | EarlyAnswer | undefined;

/** What came before, and what a step with this result adds. */
type After<X, R> = X & Pick<PipelineFields, Extract<keyof Exclude<Awaited<R>, EarlyAnswer | undefined>, keyof PipelineFields>>;

/** Charges what was used, or gives back what was held: once, when the answer has ended, whichever step ended it. */
export type Settle = (exchange: GatewayExchange, end: End) => void;

export interface Pipeline<A extends Arrival = Arrival> {
  /** Of the steps, in order. */
  readonly names: readonly string[];
  readonly settle: Settle;
  /** Runs the steps. Errors: those of a step, after the steps before it have undone what they did. */
  run(request: A): Promise<Answer>;
}

/** Methods, since the list's types have checked that each step is given what it reads. */
interface AnyStep {
  run(request: object): StepResult | Promise<StepResult>;
}
interface AnyAnswer {
  run(request: object): Answer | Promise<Answer>;
}

interface LastStep<A extends Arrival> {
  settle(settle: Settle): Pipeline<A>;
}

/** The list so far: `A` is what its first step is given, `X` what its next one is. */
class Steps<A extends Arrival, X extends A> {
  readonly #steps: readonly AnyStep[];
  readonly #names: readonly string[];

  constructor(steps: readonly AnyStep[] = [], names: readonly string[] = []) {
    this.#steps = steps;
    this.#names = names;
  }

  step<R extends StepResult | Promise<StepResult>>(run: (request: X) => R): Steps<A, After<X, R>> {
    return new Steps([...this.#steps, { run }], [...this.#names, run.name]);
  }

  /** The last step gives the answer, which has ended when it is given. */
  answer(run: (request: X) => Answer | Promise<Answer>): LastStep<A> {
    const relayed = this.relay(run);
    return {
      settle: settle => {
        const pipeline = relayed.settle(settle);
        const answering = async (request: A): Promise<Answer> => {
          const answer = await pipeline.run(request);
          request.end({ status: answer.status });
          return answer;
        };
        return { ...pipeline, run: answering };
      },
    };
  }

  /** The last step gives an answer that may last, and tells `end` itself when it has ended; so does a step that gives an early answer. */
  relay(run: (request: X) => Answer | Promise<Answer>): LastStep<A> {
    const steps = this.#steps;
    const names = [...this.#names, run.name];
    return { settle: settle => ({ names: [...names, settle.name], settle, run: request => runSteps(steps, { run }, request) }) };
  }
}

export const pipeline = <A extends Arrival = Arrival>(): Steps<A, A> => new Steps<A, A>();

async function runSteps(steps: readonly AnyStep[], last: AnyAnswer, request: object): Promise<Answer> {
  const passed: StepHooks[] = [];
  try {
    let answer: Answer | undefined;
    for (const step of steps) {
      const given = step.run(request);
      const added = given instanceof Promise ? await given : given;
      if (added === undefined) continue;
      if (added instanceof EarlyAnswer) {
        answer = added.answer;
        break;
      }
      Object.assign(request, added);
      if (added.onAnswer || added.onFailure) passed.push(added);
    }
    if (answer === undefined) {
      const given = last.run(request);
      answer = given instanceof Promise ? await given : given;
    }
    for (let hooks = passed.pop(); hooks; hooks = passed.pop())
      if (hooks.onAnswer) {
        const given = hooks.onAnswer(answer);
        answer = given instanceof Promise ? await given : given;
      }
    return answer;
  } catch (error) {
    for (let hooks = passed.pop(); hooks; hooks = passed.pop()) hooks.onFailure?.();
    throw error;
  }
}
