export { type AnswerBaseline, answerBaselines } from "./answer-baselines.ts";
export { type CommonestForms, commonestForms, type Rewriting } from "./commonest-forms.ts";
