"""transformers' side: texts of StereoSet, CrowS-Pairs and WinoBias scored one by one. A line of JSON in: {"texts": [[context, text], ...]}; out: log-likelihood
and number of tokens of each text, and processor milliseconds."""

import json
import resource
import sys

given = json.loads(sys.argv[1])

import torch  # noqa: E402

torch.set_num_threads(given["threads"])

import transformers  # noqa: E402

transformers.logging.set_verbosity_error()
tokenizer = transformers.AutoTokenizer.from_pretrained(given["model"])
model = transformers.AutoModelForCausalLM.from_pretrained(given["model"], dtype=torch.float32).eval()
# what stands before a text that nothing stands before
prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id


def processor():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return (r.ru_utime + r.ru_stime) * 1000


def encode(text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def score(context, text):
    if context == "":
        before, after = [prefix], encode(text)
    else:
        before = encode(context)
        after = encode(context + text)[len(before) :]
    with torch.no_grad():
        logits = model(torch.tensor([before + after])).logits[0].double()
    told = torch.log_softmax(logits, dim=-1)[len(before) - 1 : -1]
    return [told[range(len(after)), after].sum().item(), len(after)]


for line in sys.stdin:
    start = processor()
    scores = [score(context, text) for context, text in json.loads(line)["texts"]]
    print(json.dumps({"ms": processor() - start, "scores": scores, "version": transformers.__version__}), flush=True)
