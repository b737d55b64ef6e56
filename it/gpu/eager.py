"""The same GPT-2 training step as an eager PyTorch loop: what Kiln's step is held against on a GPU.

Written as such a loop usually is: autocast to bf16, scaled_dot_product_attention, fused AdamW,
clipping by norm, a tied head, no torch.compile. The vocabulary is GPT-2's 50,257 entries;
--vocabulary 50304 rounds it up to what products like best, as many training scripts do.

Prints one JSON object: milliseconds a step (median) by shape.
"""

import argparse
import json
import statistics

import torch
import torch.nn.functional as F
from torch import nn

# layers, heads, hidden, tokens, batch: as GptShape has them
SHAPES = {
    "gpt2-124m": (12, 12, 768, 1024, 16),
    "gpt2-350m": (24, 16, 1024, 1024, 8),
}


class Layer(nn.Module):
    def __init__(self, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(hidden)
        self.joined = nn.Linear(hidden, 3 * hidden)
        self.projection = nn.Linear(hidden, hidden)
        self.norm2 = nn.LayerNorm(hidden)
        self.up = nn.Linear(hidden, 4 * hidden)
        self.down = nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        batch, time, hidden = x.shape
        parts = self.joined(self.norm1(x)).split(hidden, dim=2)
        q, k, v = (p.view(batch, time, self.heads, -1).transpose(1, 2) for p in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(mixed.transpose(1, 2).reshape(batch, time, hidden))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, layers, heads, hidden, time, vocabulary):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, hidden)
        self.positions = nn.Embedding(time, hidden)
        self.layers = nn.ModuleList(Layer(heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, inputs, targets):
        x = self.tokens(inputs) + self.positions.weight
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.size(-1)).float(), targets.view(-1))


def stepper(shape, vocabulary, device):
    layers, heads, hidden, time, batch = SHAPES[shape]
    model = Gpt(layers, heads, hidden, time, vocabulary).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=device != "cpu"
    )
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(0, 50257, (batch, time + 1), generator=generator)
    inputs, targets = text[:, :-1].contiguous().to(device), text[:, 1:].contiguous().to(device)

    def step():
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16):
            loss = model(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def median(shape, vocabulary, device, steps):
    step = stepper(shape, vocabulary, device)
    for _ in range(5):
        step()
    times = []
    for _ in range(steps):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        step()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="gpt2-124m,gpt2-350m")
    parser.add_argument("--vocabulary", type=int, default=50257)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    result = {"torch": torch.__version__, "vocabulary": arguments.vocabulary, "ms": {}}
    for shape in arguments.shape.split(","):
        result["ms"][shape] = round(
            median(shape, arguments.vocabulary, "cuda:0", arguments.steps), 3
        )
        torch.cuda.empty_cache()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
