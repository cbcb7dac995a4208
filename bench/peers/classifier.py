# The tuning of the bench `classifier` with transformers' Trainer: the weights that Loam wrote, its batches and rates. Prints one JSON line.
import json
import os
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import torch
import transformers
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

transformers.logging.set_verbosity_error()
o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
begin = json.load(open(o["folder"] + "/begin.json"))
peer = json.load(open(o["folder"] + "/peer.json"))


def laid(part, batch):
    rows = [part["tokens"][i] for i in batch["texts"]]
    ids = torch.zeros((len(rows), batch["width"]), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([part["labels"][i] for i in batch["texts"]])}


class InOrder(Trainer):
    def _get_train_sampler(self, *_):
        return torch.utils.data.SequentialSampler(self.train_dataset)


model = AutoModelForSequenceClassification.from_pretrained(
    o["folder"] + "/model",
    dtype=torch.float32,
    attn_implementation="sdpa",
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    classifier_dropout=0.0,
)
plain = [p for n, p in model.named_parameters() if p.ndim < 2 or "embeddings" in n]
decayed = [p for n, p in model.named_parameters() if not (p.ndim < 2 or "embeddings" in n)]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": o["weightDecay"]}, {"params": plain, "weight_decay": 0.0}], lr=o["rate"], betas=(0.9, 0.999)
)
factors = peer["factors"]
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factors[min(step, len(factors) - 1)])
trainer = InOrder(
    model=model,
    args=TrainingArguments(
        output_dir=o["folder"] + "/trainer",
        per_device_train_batch_size=1,
        num_train_epochs=1,
        max_grad_norm=1.0,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        remove_unused_columns=False,
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    ),
    train_dataset=peer["batches"],
    data_collator=lambda batches: laid(begin["train"], batches[0]),
    optimizers=(optimizer, schedule),
)
began, processor = time.perf_counter(), time.process_time()
trainer.train()
model.eval()
truth, predicted, loss = [], [], 0.0
with torch.inference_mode():
    for batch in peer["judged"]:
        given = laid(begin["test"], batch)
        logits = model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits
        loss += float(torch.nn.functional.cross_entropy(logits, given["labels"], reduction="sum"))
        truth += given["labels"].tolist()
        predicted += logits.argmax(-1).tolist()
print(
    json.dumps(
        {
            "seconds": time.perf_counter() - began,
            "processorSeconds": time.process_time() - processor,
            "macroF1": float(f1_score(truth, predicted, average="macro")),
            "loss": loss / len(truth),
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
