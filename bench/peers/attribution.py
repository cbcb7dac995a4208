"""Captum's side: attributions of an answer to the tokens of its prompt, over the embeddings, from the mean embedding. A line of JSON in: {"prompt": ids,
"answer": ids, "steps": n}; out: a number a token of the prompt by each method, and processor milliseconds."""

import json
import resource
import sys

given = json.loads(sys.argv[1])

import captum  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from captum.attr import FeatureAblation, InputXGradient, IntegratedGradients  # noqa: E402

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
model = transformers.AutoModelForCausalLM.from_pretrained(given["model"], dtype=torch.float32, attn_implementation="eager").eval()
table = model.get_input_embeddings().weight.detach()
middle = table.mean(0)


def processor():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return (r.ru_utime + r.ru_stime) * 1000


def attributed(prompt, answer, steps):
    ids = torch.tensor(prompt + answer)
    embedded = table[ids].unsqueeze(0)
    baseline = embedded.clone()
    baseline[:, : len(prompt)] = middle

    def score(x):
        logits = model(inputs_embeds=x).logits
        told = torch.log_softmax(logits[:, len(prompt) - 1 : -1].double(), dim=-1)
        return told[:, range(len(answer)), answer].sum(-1)

    def of_prompt(values):
        return values.sum(-1)[0, : len(prompt)].tolist()

    integrated, delta = IntegratedGradients(score).attribute(
        embedded, baseline, n_steps=steps, internal_batch_size=8, return_convergence_delta=True
    )
    mask = torch.arange(len(ids)).reshape(1, -1, 1).expand_as(embedded)
    with torch.no_grad():
        ablated = FeatureAblation(score).attribute(embedded, baseline, feature_mask=mask)
    return {
        "gradientTimesInput": of_prompt(InputXGradient(score).attribute(embedded.clone().requires_grad_())),
        "integratedGradients": of_prompt(integrated),
        # every element of a token has the token's number
        "occlusion": ablated[0, : len(prompt), 0].tolist(),
        "delta": delta.item(),
    }


for line in sys.stdin:
    start = processor()
    asked = json.loads(line)
    found = attributed(asked["prompt"], asked["answer"], asked["steps"])
    print(json.dumps({**found, "ms": processor() - start, "version": captum.__version__}), flush=True)
