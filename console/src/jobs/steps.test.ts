import { expect, test } from "vitest";
import type { JobEvent } from "../generated/server.ts";
import { stepsOf } from "./steps.ts";
import { isOver, jobStatuses, wishesOf } from "./wishes.ts";

const event = (data: JobEvent["data"], type = "metrics"): JobEvent => ({
  id: "e",
  object: "fine_tuning.job.event",
  created_at: 1,
  level: "info",
  message: "",
  type,
  data,
});

test("steps are columns, and what the validation file gave stands where it was measured", () => {
  const valid = [2, 2, 1, 1].map((loss, i) =>
    event({ step: i + 1, total_steps: 9, train_loss: 1 / (i + 1), valid_loss: loss, train_mean_token_accuracy: i / 4 }),
  );
  const { x, columns, total } = stepsOf([event({}, "message"), ...valid, event({ line: 3 }, "message")]);
  expect(x).toEqual([1, 2, 3, 4]);
  expect(total).toBe(9);
  expect(columns.train_loss).toEqual([1, 1 / 2, 1 / 3, 1 / 4]);
  expect(columns.valid_loss).toEqual([2, null, 1, null]);
  expect(columns.train_mean_token_accuracy).toEqual([0, 0.25, 0.5, 0.75]);
  expect(columns.valid_mean_token_accuracy).toEqual([null, null, null, null]);
  expect(stepsOf([])).toMatchObject({ x: [], total: null });
});

test("a job that is over takes no wish, and every other one can be cancelled", () => {
  for (const status of jobStatuses) expect(wishesOf(status).includes("cancel")).toBe(!isOver(status));
  expect(jobStatuses.filter(s => wishesOf(s).includes("resume"))).toEqual(["paused"]);
});
