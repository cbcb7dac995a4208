/**
 * Divergence of a student from its teacher, token by token (Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network"): from the
 * teacher to the student, so that what the teacher finds likely must not be unlikely to the student.
 */
import { checkShape, logSumExp, mul, softmax, sub, sum, type Tensor } from "../../tensor/index.ts";

/** Log-probabilities over the last axis. */
const logProbabilities = (logits: Tensor): Tensor => sub(logits, logSumExp(logits));

/**
 * KL(teacher || student) in nats of each token: logits [..., V] of both, divided by the temperature, -> [...]. Times the temperature's square, so that
 * its gradient keeps its size whatever the temperature is (section 2.1).
 */
export function divergenceOf(teacher: Tensor, student: Tensor, temperature: number): Tensor {
  checkShape("distill.teacher", teacher, student.shape.join(" "));
  const [t, s] = [mul(teacher, 1 / temperature), mul(student, 1 / temperature)];
  return mul(sum(mul(softmax(t), sub(logProbabilities(t), logProbabilities(s))), -1), temperature * temperature);
}
